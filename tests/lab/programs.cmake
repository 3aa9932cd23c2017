# Programs of the lab: they share no code with what they test.
foreach(program standin-apiserver probe)
  set(sources ${CMAKE_CURRENT_SOURCE_DIR}/lab/${program}.c)
  file(GLOB more CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/lab/${program}-*.c)
  add_executable(${program} ${sources} ${more})
  target_link_libraries(${program} PRIVATE triarch-flags OpenSSL::SSL Threads::Threads)
endforeach()
