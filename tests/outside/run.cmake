# cmake -DBUILD=… -DWORK=… -DSOURCE=… -DCOMPILER=… -DNODE=… -P run.cmake
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=${COMPILER}
    -DCMAKE_PREFIX_PATH=${WORK}/installed)
run(${CMAKE_COMMAND} --build ${WORK}/build)
set(ENV{GREENROOM_BINARY} ${WORK}/installed/bin/greenroom)
set(ENV{OUTSIDE} ${WORK}/build)
execute_process(COMMAND ${NODE} ${SOURCE}/outside.test.mjs RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "what was built outside does not work")
endif()
