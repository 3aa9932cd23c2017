# The pure parts take the time as an argument: their object files call nothing but what is listed here.
function(add_purity_test name target allowed impure)
  add_test(NAME ${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/unit/purity.sh
    ${CMAKE_NM} $<TARGET_FILE:${target}> ${allowed} ${impure} ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 30)
endfunction()

add_purity_test(vrrp_purity triarch-vrrp
  "inet_(pton|ntop)|[hn]to[hn][sl]|vrrp_(fsm|wire|skew|class|priority|state|reject|notice|session|ip|group|list|rank|keys|lease)[a-z0-9_]*"
  port_socket:setsockopt
  fsm class wire notice session keys ip list lease_wire lease lease_vote lease_owner lease_probe lease_members nd arp announce)
add_purity_test(health_purity triarch-agent
  "snprintf|__snprintf_chk|fabs|(health|exchange|evidence)_[a-z_]*|vrrp_list_find"
  probe_http:http_get
  health health_node exchange exchange_wire evidence evidence_clock)
