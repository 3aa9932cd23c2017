# cmake -DFILES=a;b -DBASE=DIR -DOUTPUT=FILE -P embed-files.cmake: writes the table of templates/data.h.
set(arrays "")
set(rows "")
foreach(path ${FILES})
  file(RELATIVE_PATH file ${BASE} ${path})
  string(MAKE_C_IDENTIFIER ${file} id)
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "static const unsigned char ${id}[] = { ${bytes} };\n")
  string(APPEND rows "        { \"${file}\", ${id}, sizeof ${id} },\n")
endforeach()
file(WRITE ${OUTPUT}.new "#include \"templates/data.h\"\n\n${arrays}\n"
  "const struct tmpl_data tmpl_data[] = {\n${rows}        { 0 },\n};\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
