# add_module(NAME [DEPS module…] [LIBS target…])
#   One static library qd_NAME from src/NAME/**.cpp and one test binary NAME_test from src/NAME/**_test.cpp.
#   Linking follows DEPS, so a forbidden call across modules does not link; script/check_layers holds the includes.

function(add_precompiled_header)
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/pch.cpp CONTENT "")
  add_library(qd_pch OBJECT ${CMAKE_BINARY_DIR}/pch.cpp)
  target_link_libraries(qd_pch PUBLIC Boost::json fmt::fmt Threads::Threads)
  # Stable system headers only, never our own.
  target_precompile_headers(qd_pch PRIVATE
    <algorithm> <array> <atomic> <charconv> <chrono> <coroutine> <cstdint> <deque> <expected> <filesystem>
    <functional> <map> <memory> <mutex> <optional> <set> <span> <stop_token> <string> <string_view>
    <unordered_map> <utility> <variant> <vector> <boost/json.hpp> <fmt/core.h> <fmt/format.h>)
  target_compile_options(qd_pch PRIVATE -Xclang -fno-pch-timestamp)
endfunction()

function(target_use_precompiled_header target)
  target_precompile_headers(${target} REUSE_FROM qd_pch)
  target_compile_options(${target} PRIVATE -Xclang -fno-pch-timestamp)
  target_link_libraries(${target} PRIVATE Boost::json fmt::fmt)
endfunction()

function(add_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")

  set(deps ${ARG_DEPS})
  list(TRANSFORM deps PREPEND qd_)
  if(sources)
    add_library(qd_${name} STATIC ${sources})
    target_include_directories(qd_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_compile_definitions(qd_${name} PRIVATE QD_VERSION="${PROJECT_VERSION}")
    target_link_libraries(qd_${name} PUBLIC ${deps} ${ARG_LIBS})
    target_use_precompiled_header(qd_${name})
  else()
    add_library(qd_${name} INTERFACE)
    target_include_directories(qd_${name} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(qd_${name} INTERFACE ${deps} ${ARG_LIBS})
  endif()

  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE qd_${name} GTest::gtest_main GTest::gmock)
    target_compile_definitions(${name}_test PRIVATE QD_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_use_precompiled_header(${name}_test)
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()
