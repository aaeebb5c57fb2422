#include "lsp/framing.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::lsp {
namespace {

std::vector<std::string> unframed(std::string_view bytes, std::size_t step, bool* understood = nullptr) {
  Unframer unframer;
  std::vector<std::string> found;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto added =
        unframer.add(bytes.substr(at, step), [&](std::string_view message) { found.emplace_back(message); });
    if (understood) *understood = added.has_value();
    if (!added) break;
  }
  return found;
}

TEST(Framing, FindsMessagesHoweverTheBytesCome) {
  const std::string bytes =
      framed("{\"a\":1}") + "content-type: x\r\nCONTENT-LENGTH:  2 \r\n\r\n{}" + framed("[\"é\"]");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    EXPECT_EQ(unframed(bytes, step), (std::vector<std::string>{"{\"a\":1}", "{}", "[\"é\"]"})) << step;
  }
}

TEST(Framing, GivesUpOnWhatIsNoMessage) {
  for (const std::string& bytes :
       {std::string("\r\n\r\n{}"), std::string("Content-Length: -1\r\n\r\n"), std::string("Content-Length: 0\r\n\r\n"),
        std::string("Content-Length: 99999999999999999999\r\n\r\n"), std::string("Content-Length: 2x\r\n\r\n{}"),
        std::string("Content-Length: 17000000\r\n\r\n"), std::string(5'000, 'x')}) {
    bool understood = true;
    EXPECT_TRUE(unframed(bytes, bytes.size(), &understood).empty());
    EXPECT_FALSE(understood) << bytes.substr(0, 50);
  }
}

}  // namespace
}  // namespace quarterdeck::lsp
