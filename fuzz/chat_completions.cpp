// A model's stream, through both decoders, cut anywhere: the same events and the same end.
#include <vector>

#include "fuzz_target.hpp"
#include "llm/chat_completions/decoder.hpp"
#include "net/sse.hpp"

namespace {

using namespace quarterdeck;

struct Fixed final : Random {
  std::uint64_t next() override { return ++state; }
  std::uint64_t state = 0;
};

struct Heard final : llm::ModelSink {
  void on_event(llm::ModelEvent event) override { events.push_back(std::move(event)); }
  std::vector<llm::ModelEvent> events;
};

struct Run {
  Heard heard;
  Fixed random;
  llm::chat_completions::Decoder decoder{heard, random};

  void stream(std::string_view input, unsigned seed) {
    net::SseDecoder events;
    fuzz::in_pieces(input, seed, [&](std::string_view piece) {
      events.feed(piece);
      while (auto event = events.next()) decoder.on_data(event->data);
    });
  }
};

}  // namespace

FUZZ_TARGET(chat_completions) {
  const unsigned seed = fuzz::take_byte(input);
  Run whole;
  Run cut;
  whole.stream(input, 1 << 20);
  cut.stream(input, seed);
  CHECK(whole.heard.events == cut.heard.events);
  CHECK(whole.decoder.finish() == cut.decoder.finish());

  // Calls are announced before their arguments, once for each index.
  std::vector<int> announced;
  for (const auto& event : whole.heard.events) {
    if (const auto* started = std::get_if<llm::ToolCallStarted>(&event)) {
      CHECK(std::find(announced.begin(), announced.end(), started->index) == announced.end());
      CHECK(!started->id.empty() && !started->name.empty());
      announced.push_back(started->index);
    } else if (const auto* piece = std::get_if<llm::ToolCallDelta>(&event)) {
      CHECK(std::find(announced.begin(), announced.end(), piece->index) != announced.end());
    }
  }
  Run document;
  document.decoder.on_document(input);
  (void)document.decoder.finish();
}
