# The pure part of vrrp/ takes time as an argument: its object files call nothing but memory
# functions and one another.
add_test(NAME vrrp_purity COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/unit/vrrp_purity.sh
  ${CMAKE_NM} $<TARGET_FILE:triarch-vrrp>)
set_tests_properties(vrrp_purity PROPERTIES LABELS unit TIMEOUT 30)
# The same of the health of the masters.
add_test(NAME health_purity COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/unit/health_purity.sh
  ${CMAKE_NM} $<TARGET_FILE:triarch-agent>)
set_tests_properties(health_purity PROPERTIES LABELS unit TIMEOUT 30)
