# tests/bench/bench_X.c is one program each; it prints a line "name median unit" for each figure.
file(GLOB bench_programs CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/bench_*.c)
foreach(source ${bench_programs})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE triarch-agent)
endforeach()
# Client, service and observer of tests/bench/failover: they share no code with what they measure.
add_executable(failover-probe bench/failover.d/probe.c)
target_link_libraries(failover-probe PRIVATE triarch-flags)
