# What a project that writes plugins, or a program that loads them, says to CMake. Used by this build and by
# find_package(greenroom).

# greenroom_plugin(NAME SOURCE…): a shared library that a node loads. It links nothing of the node.
function(greenroom_plugin name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "")
  target_link_libraries(${name} PRIVATE greenroom::plugin)
endfunction()

# greenroom_loads_plugins(PROGRAM): it shows plugins its symbols, also those that it does not use itself.
function(greenroom_loads_plugins program)
  set_target_properties(${program} PROPERTIES ENABLE_EXPORTS ON LINK_LIBRARY_OVERRIDE "${GREENROOM_WHOLE}")
endfunction()
