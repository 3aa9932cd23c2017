# The majority lease on virtual time (docs/lease.md). lease_sim drives the modules that the agent links.
set(sim_sources batch.c engine.c fate.c host.c kernel.c loop.c members.c network.c oracle.c schedule.c
  session.c settle.c world.c)
list(TRANSFORM sim_sources PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/sim/)
add_executable(lease_sim ${CMAKE_CURRENT_SOURCE_DIR}/sim/lease_sim.c ${sim_sources})
target_link_libraries(lease_sim PRIVATE triarch-vrrp)

# A short run in every build type; `tests/run sim` makes the long one, in a release build.
add_test(NAME lease_sim COMMAND lease_sim --schedules 300 --rare-is-fine)
set_tests_properties(lease_sim PROPERTIES LABELS unit TIMEOUT 120)

add_executable(test_lease_stories ${CMAKE_CURRENT_SOURCE_DIR}/sim/test_lease_stories.c ${sim_sources})
target_link_libraries(test_lease_stories PRIVATE triarch-vrrp PkgConfig::CMOCKA)
add_test(NAME lease_stories COMMAND test_lease_stories)
set_tests_properties(lease_stories PROPERTIES LABELS unit TIMEOUT 60)

# The same sources with their rules switchable: each rule left out must be found out.
set(lease_sources class.c ip.c lease.c lease_members.c lease_owner.c lease_probe.c lease_vote.c list.c session.c)
list(TRANSFORM lease_sources PREPEND ${CMAKE_SOURCE_DIR}/vrrp/)
add_executable(lease_mutants ${CMAKE_CURRENT_SOURCE_DIR}/sim/lease_mutants.c ${sim_sources} ${lease_sources})
target_compile_definitions(lease_mutants PRIVATE VRRP_LEASE_SWITCHES)
target_link_libraries(lease_mutants PRIVATE triarch-flags)
