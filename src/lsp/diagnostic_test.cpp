#include "lsp/diagnostic.hpp"

#include <gtest/gtest.h>

#include "lsp/client.hpp"
#include "wire/json.hpp"

namespace quarterdeck::lsp {
namespace {

std::string one(int severity, std::string_view message, int line = 0) {
  return fmt::format(
      R"({{"range":{{"start":{{"line":{0},"character":4}},"end":{{"line":{0},"character":5}}}},"severity":{1},"message":{2}}})",
      line, severity, wire::quoted(message));
}

TEST(Diagnostics, ErrorsAreReportedAsOpenCodeDoes) {
  EXPECT_EQ(report("/a", {}), "");
  EXPECT_EQ(report("/a", read_diagnostics({"[" + one(2, "only a warning") + "]"})), "");
  EXPECT_EQ(report("/a", read_diagnostics({"[" + one(1, "wrong", 2) + "," + one(2, "w") + "," + one(1, "also") + "]"})),
            "<diagnostics file=\"/a\">\nERROR [3:5] wrong\nERROR [1:5] also\n</diagnostics>");
}

TEST(Diagnostics, ManyAreCountedAndTheSameIsSaidOnce) {
  std::string list;
  for (int i = 0; i < 23; ++i) list += (i ? "," : "") + one(1, "e", i);
  const std::string text = report("/a", read_diagnostics({"[" + list + "," + one(1, "e", 3) + "]"}));
  EXPECT_TRUE(text.ends_with("ERROR [20:5] e\n... and 3 more\n</diagnostics>")) << text;
}

TEST(Diagnostics, NonsenseIsLeftOutAndLengthIsBounded) {
  EXPECT_TRUE(read_diagnostics({"{}"}).empty());
  EXPECT_TRUE(read_diagnostics({R"([1,null,{"message":"no range"},{"range":5}])"}).empty());
  std::string letters;
  for (int i = 0; i < 3'000; ++i) letters += "é";
  const auto found = read_diagnostics({"[" + one(1, letters) + "]"});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_LT(found[0].message.size(), 2'100u);
  EXPECT_TRUE(wire::parse(found[0].json.text)) << "no half letters";
}

TEST(Diagnostics, MetadataPutsTheChangedFileFirstAndStaysSmall) {
  std::vector<FileDiagnostics> all;
  for (int i = 0; i < 2'000; ++i) {
    all.push_back({fmt::format("/f{}", i), read_diagnostics({"[" + one(1, std::string(100, 'x')) + "]"})});
  }
  const auto json = diagnostics_json(all, {"/f1999"});
  EXPECT_TRUE(json.text.starts_with(R"({"/f1999":[)"));
  EXPECT_LE(json.text.size(), 66'000u);
  EXPECT_TRUE(wire::parse(json.text));
  EXPECT_EQ(diagnostics_json({{"/a", {}}}, {}).text, R"({"/a":[]})");
}

TEST(Uri, PathsGoThereAndBack) {
  for (const char* path : {"/a/b.c", "/with space/é#%?.txt", "/a+b"}) EXPECT_EQ(file_of(uri_of(path)), path);
  EXPECT_EQ(uri_of("/a b"), "file:///a%20b");
  EXPECT_FALSE(file_of("untitled:x"));
  EXPECT_FALSE(file_of("file://relative"));
}

}  // namespace
}  // namespace quarterdeck::lsp
