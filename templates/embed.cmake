# Compiles the template files into the library: one C file, written by embed-files.cmake.
file(GLOB template_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/templates/*.yaml
  ${CMAKE_SOURCE_DIR}/templates/*.conf ${CMAKE_SOURCE_DIR}/templates/objects/*.yaml)
set(template_data ${CMAKE_BINARY_DIR}/templates-data.c)
add_custom_command(OUTPUT ${template_data}
  COMMAND ${CMAKE_COMMAND} "-DFILES=${template_files}" -DBASE=${CMAKE_SOURCE_DIR}/templates -DOUTPUT=${template_data}
          -P ${CMAKE_SOURCE_DIR}/templates/embed-files.cmake
  DEPENDS ${template_files} ${CMAKE_SOURCE_DIR}/templates/embed-files.cmake
  COMMENT "Embedding templates" VERBATIM)
target_sources(triarch-templates PRIVATE ${template_data})
