# A router with nothing around it, for the network-namespace tests.
add_executable(vrouter net/vrouter.c)
target_link_libraries(vrouter PRIVATE triarch-vrrp)

# Membership of a real etcd, through agent/etcd.h.
add_executable(etcdclient net/etcdclient.c)
target_link_libraries(etcdclient PRIVATE triarch-agent)

# Gives one network namespace a wall clock of its own.
add_library(clockshift MODULE net/clockshift.c)
target_link_libraries(clockshift PRIVATE triarch-flags ${CMAKE_DL_LIBS})
set_target_properties(clockshift PROPERTIES PREFIX "")

# Frames at a given rate, for the tests with hostile packets.
add_executable(flood net/flood.c)
target_link_libraries(flood PRIVATE triarch-flags)
