# Writes a source with the bytes of files: cmake -DOUT=page_files.cpp -DFILES="PATH=FILE;…" -P embed.cmake
# PATH is where a node serves FILE.
set(types_html "text/html; charset=utf-8")
set(types_js "text/javascript; charset=utf-8")
set(types_css "text/css; charset=utf-8")
set(types_svg "image/svg+xml")

set(arrays "")
set(rows "")
set(number 0)
foreach(pair ${FILES})
  string(REGEX MATCH "^([^=]+)=(.+)$" _ "${pair}")
  set(path "${CMAKE_MATCH_1}")
  set(file "${CMAKE_MATCH_2}")
  string(REGEX REPLACE ".*\\." "" ending "${file}")
  if(NOT types_${ending})
    message(FATAL_ERROR "${file}: no content type is known for .${ending}")
  endif()
  file(READ "${file}" bytes HEX)
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 20 hash)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "constexpr char file_${number}[] = {\n${bytes}};\n")
  string(APPEND rows "    {\"${path}\", \"${types_${ending}}\", \"\\\"${hash}\\\"\", {file_${number}, sizeof file_${number}}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${OUT}" "// Made by clients/page/embed.cmake.
#include \"actors/page.hpp\"

namespace greenroom {
namespace {

${arrays}
constexpr page_file table[] = {
${rows}};

}  // namespace

const std::span<const page_file> page_files{table};

}  // namespace greenroom
")
