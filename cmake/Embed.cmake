# embed_text(MODULE name, NAMESPACE ns, NAME kConstant, FILE path)
#   Puts a file of the source tree into the binary and declares `extern const std::string_view ns::kConstant` in the
#   generated header <module>/embedded/<kConstant>.hpp. The assembler reads the file, so large ones cost nothing.

function(embed_text module namespace name file)
  get_target_property(kind qd_${module} TYPE)
  if(kind STREQUAL "INTERFACE_LIBRARY")
    return()  # a module without sources has nobody who could read it
  endif()
  set(path ${CMAKE_SOURCE_DIR}/${file})
  set(directory ${CMAKE_BINARY_DIR}/generated/${module}/embedded)
  set(symbol qd_embedded_${module}_${name})
  file(CONFIGURE OUTPUT ${directory}/${name}.hpp CONTENT
"// Generated from ${file}.
#pragma once
#include <string_view>
namespace ${namespace} {
extern const std::string_view ${name};
}
")
  file(CONFIGURE OUTPUT ${directory}/${name}.cpp CONTENT
"// Generated from ${file}.
#include \"${module}/embedded/${name}.hpp\"
asm(R\"(
.section .rodata
.global ${symbol}_begin
.global ${symbol}_end
${symbol}_begin:
.incbin \"${path}\"
${symbol}_end:
.byte 0
.text
)\");
extern \"C\" const char ${symbol}_begin[];
extern \"C\" const char ${symbol}_end[];
namespace ${namespace} {
const std::string_view ${name}{${symbol}_begin, static_cast<std::size_t>(${symbol}_end - ${symbol}_begin)};
}
")
  set_source_files_properties(${directory}/${name}.cpp PROPERTIES OBJECT_DEPENDS ${path} SKIP_PRECOMPILE_HEADERS ON)
  target_sources(qd_${module} PRIVATE ${directory}/${name}.cpp)
  target_include_directories(qd_${module} PUBLIC ${CMAKE_BINARY_DIR}/generated)
endfunction()
