# What a distribution expects where. Units, users and directories go below lib/ (not lib64/) of the prefix:
# systemd looks there in /usr and in /usr/local.
install(TARGETS triarch RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

set(units ${CMAKE_BINARY_DIR}/units)
foreach(unit triarch-agent.service triarch-enroll.service triarch-reconcile.service
             triarch-time.service)
  configure_file(packaging/systemd/${unit}.in ${units}/${unit} @ONLY)
  install(FILES ${units}/${unit} DESTINATION lib/systemd/system)
endforeach()
install(FILES packaging/systemd/triarch-enroll.socket packaging/systemd/triarch-time.path DESTINATION lib/systemd/system)
install(FILES packaging/triarch.sysusers DESTINATION lib/sysusers.d RENAME triarch.conf)
install(FILES packaging/triarch.tmpfiles DESTINATION lib/tmpfiles.d RENAME triarch.conf)
install(FILES packaging/triarch.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES LICENSE packaging/deb/copyright README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME triarch)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "triarch developers <dev@triarch.dev>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "dbus, systemd (>= 252)")
# Beside chrony the libraries that are loaded when they are needed: images save and load, apiServerLoadBalancing.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "chrony, libarchive13, libnftables1")
set(CPACK_DEBIAN_PACKAGE_CONFLICTS "")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "triarch init on the first machine and triarch join on the others make a
 highly available control plane: certificates, static pods, etcd members, and
 a node agent that keeps a virtual IP alive by VRRP and health checks.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/packaging/deb/postinst;${CMAKE_SOURCE_DIR}/packaging/deb/prerm;${CMAKE_SOURCE_DIR}/packaging/deb/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
