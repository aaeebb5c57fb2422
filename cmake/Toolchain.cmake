# Warnings, sanitizers, linker and hardening for every target.

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
                    -Wno-missing-field-initializers -Wno-missing-designated-field-initializers)
option(QD_WERROR "Treat warnings as errors" ON)
if(QD_WERROR)
  add_compile_options(-Werror)
endif()

set(QD_SANITIZE "" CACHE STRING "address, thread or empty")
if(QD_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  option(QD_FUZZ "Build the libFuzzer targets of fuzz/" OFF)
  if(QD_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
elseif(QD_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
else()
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    add_compile_definitions(_FORTIFY_SOURCE=3)
  endif()
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_compile_options(-ftrivial-auto-var-init=zero -fstack-protector-strong)
endif()

add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-fuse-ld=lld -Wl,--gc-sections -Wl,--icf=safe)

# Asio and Beast are compiled once, in src/net/boost_*.cpp.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
                        BOOST_BEAST_USE_STD_STRING_VIEW)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
endif()
