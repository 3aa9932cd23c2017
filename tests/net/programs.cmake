# A router with nothing around it, for the network-namespace tests.
add_executable(vrouter net/vrouter.c)
target_link_libraries(vrouter PRIVATE triarch-vrrp)
