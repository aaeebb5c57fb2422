# embed_web(MODULE name)
#   Builds web/ (npm, Vite) and puts what comes out, compressed beforehand, into the module. Runs again when a file of
#   web/ changed. Without npm, or with -DQD_WEB=OFF, the server answers its pages with how to get them.

option(QD_WEB "Build the web interface and put it into the server" ON)

function(embed_web module)
  set(directory ${CMAKE_BINARY_DIR}/generated/${module}/embedded)
  set(source ${directory}/web_assets.cpp)
  find_program(NPM npm)
  if(NOT QD_WEB OR NOT NPM)
    message(STATUS "Without the web interface (script/setup installs npm)")
    file(CONFIGURE OUTPUT ${source} CONTENT
"#include \"api/web/pages.hpp\"
namespace quarterdeck::api::web {
std::span<const Asset> assets() { return {}; }
}
")
  else()
    file(GLOB_RECURSE files CONFIGURE_DEPENDS
      ${CMAKE_SOURCE_DIR}/web/src/* ${CMAKE_SOURCE_DIR}/web/public/* ${CMAKE_SOURCE_DIR}/web/build/*)
    add_custom_command(OUTPUT ${source}
      COMMAND ${CMAKE_SOURCE_DIR}/script/build_web ${directory}/web ${source}
      DEPENDS ${files} ${CMAKE_SOURCE_DIR}/script/build_web ${CMAKE_SOURCE_DIR}/web/index.html
        ${CMAKE_SOURCE_DIR}/web/package-lock.json ${CMAKE_SOURCE_DIR}/web/vite.config.ts
      COMMENT "Building the web interface"
      VERBATIM)
  endif()
  set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_sources(qd_${module} PRIVATE ${source})
endfunction()
