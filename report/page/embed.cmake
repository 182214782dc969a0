# Writes a .cpp that holds the page: its HTML with the style, the chart library and the program in it.
# Usage: cmake -D FOLDER=report/page -D LIBRARY=chart.min.js -D OUT=page.bytes.cpp -P embed.cmake
function(put mark text)
  string(REPLACE "@${mark}@" "${text}" page "${page}")
  set(page "${page}" PARENT_SCOPE)
endfunction()

file(READ ${FOLDER}/page.html page)
file(READ ${FOLDER}/page.css style)
put(STYLE "${style}")
set(program "")
foreach(part format tables charts page)
  file(READ ${FOLDER}/${part}.js text)
  string(APPEND program "${text}\n")
endforeach()
put(PROGRAM "${program}")
set(library "")
if(LIBRARY)
  file(READ ${FOLDER}/chart_license.txt license)
  file(READ ${LIBRARY} library)
  string(PREPEND library "/*\n${license}*/\n")
endif()
put(CHART_LIBRARY "${library}")

file(WRITE ${OUT}.html "${page}")
file(READ ${OUT}.html bytes HEX)
string(REGEX REPLACE "(................................................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "#include \"report/page_source.h\"

namespace lorae::report {
namespace {

constexpr unsigned char kPage[] = {
${bytes}
};

}  // namespace

std::string_view page_source() {
  return {reinterpret_cast<const char*>(kPage), sizeof kPage};
}

}  // namespace lorae::report
")
