# Debian's CAF 0.17.6 ships no CMake package file: CAF::core. Used by this build and by find_package(greenroom).
if(NOT TARGET CAF::core)
  find_package(Threads REQUIRED)
  find_path(CAF_INCLUDE caf/actor_system.hpp REQUIRED)
  find_library(CAF_CORE caf_core REQUIRED)
  add_library(CAF::core INTERFACE IMPORTED GLOBAL)
  target_include_directories(CAF::core SYSTEM INTERFACE ${CAF_INCLUDE})
  target_link_libraries(CAF::core INTERFACE ${CAF_CORE} Threads::Threads)
endif()
