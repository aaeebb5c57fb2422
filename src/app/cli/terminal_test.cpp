#include "app/cli/terminal.hpp"

#include <gtest/gtest.h>

#include "app/cli/ask.hpp"
#include "app/cli/client.hpp"
#include "app/cli/table.hpp"

namespace quarterdeck::app {
namespace {

TEST(Terminal, ForeignTextCannotSteerIt) {
  EXPECT_EQ(harmless("\x1b[31mred\x1b[0m"), "red");
  EXPECT_EQ(harmless("\x1b]0;title\ax"), "x");
  EXPECT_EQ(harmless("\x1b]52;c;AAAA\x1b\\x"), "x");
  EXPECT_EQ(harmless("a\x1b"), "a");
  EXPECT_EQ(harmless("a\x1b["), "a");
  EXPECT_EQ(harmless("bell\a back\b nul" + std::string(1, '\0')), "bell back nul");
  EXPECT_EQ(harmless("c1 \xC2\x9B"
                     "31m"),
            "c1 31m");
  EXPECT_EQ(harmless("10%\r20%\r\n"), "10%\n20%\n");
  EXPECT_EQ(harmless("grüße\t✓\n"), "grüße\t✓\n");
}

TEST(Terminal, OneLineSaysWhereItWasCut) {
  const Style unicode{.unicode = true};
  const Style ascii{};
  EXPECT_EQ(one_line(unicode, "short\n", 10), "short");
  EXPECT_EQ(one_line(unicode, "first\nsecond", 10), "first…");
  EXPECT_EQ(one_line(unicode, "ääääääää", 5), "ääää…");
  EXPECT_EQ(one_line(ascii, "abcdefgh", 6), "abc...");
  EXPECT_EQ(one_line(ascii, "abc", 0), "...");
}

TEST(Terminal, NoColourMeansNoEscapes) {
  EXPECT_EQ(painted({}, Paint::red, "x"), "x");
  EXPECT_EQ(painted({.colour = true}, Paint::red, "x"), "\x1b[31mx\x1b[0m");
}

TEST(Terminal, MarksWithoutUtf8AreAscii) {
  const Marks& mark = marks({});
  for (const std::string_view one :
       {mark.tool, mark.ok, mark.bad, mark.warn, mark.retry, mark.ask, mark.more, mark.dot}) {
    for (const char c : one) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  }
}

TEST(Table, LinesUpItsColumnsAndCutsTheLastOnesOnATerminal) {
  Table table({"ID", "TITLE"});
  table.add({{"a"}, {"a long title that does not fit"}});
  table.add({{"bbb"}, {"x"}});
  EXPECT_EQ(table.text({}), "ID   TITLE\na    a long title that does not fit\nbbb  x\n");
  EXPECT_EQ(table.text({.unicode = true, .live = true, .columns = 20}), "ID   TITLE\na    a long title t…\nbbb  x\n");
}

TEST(Ask, ReadsAnAnswerOrAsksAgain) {
  EXPECT_EQ(read_answer("y\n"), (Answer{domain::Reply::once, {}}));
  EXPECT_EQ(read_answer(" Always "), (Answer{domain::Reply::always, {}}));
  EXPECT_EQ(read_answer("n"), (Answer{domain::Reply::reject, {}}));
  EXPECT_EQ(read_answer("no, use the other file"), (Answer{domain::Reply::reject, "use the other file"}));
  EXPECT_EQ(read_answer(""), std::nullopt);
  EXPECT_EQ(read_answer("maybe"), std::nullopt);
  EXPECT_EQ(read_answer("yes but only once"), std::nullopt);
}

TEST(Client, TakesTheMessageOutOfEveryShapeOfError) {
  EXPECT_EQ(error_of_answer(404, R"({"name":"NotFoundError","data":{"message":"Session not found: ses_x"}})"),
            (Error{ErrorCode::not_found, "Session not found: ses_x", {}}));
  EXPECT_EQ(error_of_answer(409, R"({"_tag":"SessionBusyError","message":"Session is busy"})"),
            (Error{ErrorCode::conflict, "Session is busy", {}}));
  EXPECT_EQ(error_of_answer(400, R"({"_tag":"BadRequest"})"), (Error{ErrorCode::invalid, "BadRequest", {}}));
  EXPECT_EQ(error_of_answer(500, "<html>").message, "the server answered with status 500");
  EXPECT_EQ(error_of_answer(401, "").code, ErrorCode::denied);
}

}  // namespace
}  // namespace quarterdeck::app
