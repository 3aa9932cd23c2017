# A router with nothing around it, for the network-namespace tests.
add_executable(vrouter net/vrouter.c)
target_link_libraries(vrouter PRIVATE triarch-vrrp)

# Membership of a real etcd, through agent/etcd.h.
add_executable(etcdclient net/etcdclient.c)
target_link_libraries(etcdclient PRIVATE triarch-agent)
