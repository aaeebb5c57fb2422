// An event stream gives the same events however it is cut; frames of ours come back.
#include <vector>

#include "fuzz_target.hpp"
#include "net/sse.hpp"

namespace {

using namespace quarterdeck::net;

std::vector<SseEvent> decode(std::string_view input, unsigned seed, SseDecoder& decoder) {
  std::vector<SseEvent> events;
  quarterdeck::fuzz::in_pieces(input, seed, [&](std::string_view piece) {
    decoder.feed(piece);
    while (auto event = decoder.next()) events.push_back(std::move(*event));
  });
  return events;
}

}  // namespace

FUZZ_TARGET(sse) {
  const unsigned seed = quarterdeck::fuzz::take_byte(input);
  constexpr std::size_t kEventMax = 512;
  SseDecoder whole(kEventMax);
  SseDecoder cut(kEventMax);
  CHECK(decode(input, 1 << 20, whole) == decode(input, seed, cut));
  CHECK(whole.overflowed() == cut.overflowed());

  std::string line(input);
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  if (line.empty()) return;
  SseDecoder own;
  const auto events = decode(sse_frame(line, "7"), seed, own);
  CHECK(events.size() == 1);
  CHECK(events[0].data == line && events[0].id == "7");
}
