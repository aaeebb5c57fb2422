// A stream of a language server gives the same messages however it is cut; diagnostics of anything are bounded and valid.
#include <vector>

#include "fuzz_target.hpp"
#include "lsp/client.hpp"
#include "lsp/diagnostic.hpp"
#include "lsp/framing.hpp"
#include "wire/json.hpp"

namespace {

using namespace quarterdeck;

struct Read {
  std::vector<std::string> messages;
  bool understood = true;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view input, unsigned seed) {
  Read out;
  lsp::Unframer unframer;
  fuzz::in_pieces(input, seed, [&](std::string_view piece) {
    if (!out.understood) return;
    const auto add = [&](std::string_view message) { out.messages.emplace_back(message); };
    out.understood = unframer.add(piece, add).has_value();
  });
  return out;
}

}  // namespace

FUZZ_TARGET(lsp) {
  const unsigned seed = fuzz::take_byte(input);
  const Read cut = read(input, seed);
  // Where it breaks off may differ by what was already there; what came before may not.
  if (cut.understood) CHECK(read(input, 1 << 20) == cut);

  for (const auto& diagnostic : lsp::read_diagnostics({std::string(input)})) {
    CHECK(wire::parse(diagnostic.json.text).has_value());
    CHECK(diagnostic.message.size() < 2'100);
  }
  if (const auto file = lsp::file_of(input)) CHECK(lsp::file_of(lsp::uri_of(*file)) == *file);
}
