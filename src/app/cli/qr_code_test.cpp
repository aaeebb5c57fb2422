#include "app/cli/qr_code.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace quarterdeck::app {
namespace {

TEST(QrCode, IsASquareWithAQuietZone) {
  const std::string code =
      qr_code("http://192.168.1.20:4096/sign-in#qd_0123456789012345678901234567890123456789012", false);
  ASSERT_FALSE(code.empty()) << "libqrencode is in script/setup";
  const auto lines = std::ranges::count(code, '\n');
  const std::string first = code.substr(0, code.find('\n'));
  const std::size_t columns = first.size() / std::string_view("█").size();
  EXPECT_EQ(static_cast<std::size_t>(lines), (columns + 1) / 2) << "two modules a line";
  EXPECT_EQ((columns - 4) % 4, 1u) << "codes have 21, 25, 29 … modules";
  for (std::size_t i = 0; i < columns; ++i) EXPECT_EQ(first.substr(i * 3, 3), "█");
}

TEST(QrCode, IsEmptyForWhatDoesNotFit) { EXPECT_EQ(qr_code(std::string(5'000, 'x'), false), ""); }

}  // namespace
}  // namespace quarterdeck::app
