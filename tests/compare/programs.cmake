# The comparison with what kubeadm was measured to write, on trees made by `triarch init --root`.
add_test(NAME compare COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/compare/run)
set_tests_properties(compare PROPERTIES LABELS compare SKIP_RETURN_CODE 77 TIMEOUT 600
  ENVIRONMENT "TRIARCH=$<TARGET_FILE:triarch>")
