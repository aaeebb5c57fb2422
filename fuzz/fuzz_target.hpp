// One fuzz target is one file: FUZZ_TARGET(name) { … } gets bytes and checks laws with CHECK.
// Built two ways: with libFuzzer (preset fuzz), and all together into fuzz_replay, which runs every target over its
// corpus in `make test`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#define CHECK(law)                                                                  \
  do {                                                                              \
    if (!(law)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #law); \
      std::abort();                                                                 \
    }                                                                               \
  } while (false)

namespace quarterdeck::fuzz {

// The first byte of an input, as a choice; the rest is the matter.
inline unsigned take_byte(std::string_view& input) {
  if (input.empty()) return 0;
  const auto byte = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  return byte;
}

// Hands `input` on in pieces whose sizes follow from `seed`: 1 byte … all of it.
template <class Use>
void in_pieces(std::string_view input, unsigned seed, Use use) {
  std::uint32_t state = seed * 2654435761u + 1;
  while (!input.empty()) {
    state = state * 1664525u + 1013904223u;
    const std::size_t size = seed == 0 ? 1 : 1 + (state >> 16) % (seed * 4);
    use(input.substr(0, size));
    input.remove_prefix(std::min(size, input.size()));
  }
}

#ifdef QD_FUZZ_REPLAY
struct Target {
  Target(const char* target_name, void (*target_run)(std::string_view));
  const char* name;
  void (*run)(std::string_view);
};
#endif

}  // namespace quarterdeck::fuzz

#ifdef QD_FUZZ_REPLAY
#define FUZZ_TARGET(name)                                                              \
  static void fuzz_one_##name(std::string_view input);                                 \
  static const ::quarterdeck::fuzz::Target fuzz_target_##name(#name, fuzz_one_##name); \
  static void fuzz_one_##name(std::string_view input)
#else
#define FUZZ_TARGET(name)                                                              \
  static void fuzz_one(std::string_view input);                                        \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) { \
    fuzz_one({reinterpret_cast<const char*>(bytes), size});                            \
    return 0;                                                                          \
  }                                                                                    \
  static void fuzz_one(std::string_view input)
#endif
