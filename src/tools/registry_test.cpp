#include "tools/json_problem.hpp"
#include "tools/testing/fixture.hpp"
#include "tools/truncate.hpp"

namespace quarterdeck::tools {
namespace {

class RegistryTest : public testing::ToolTest {};

TEST_F(RegistryTest, UnknownToolsGoToTheInvalidTool) {
  const auto input = registry_.rewrite_invalid("nosuch", "{bad", {"read", "edit"});
  ASSERT_TRUE(input);
  EXPECT_EQ(
      input->text,
      R"({"tool":"nosuch","error":"Model tried to call unavailable tool 'nosuch'. Available tools: edit, invalid, read."})");
  const auto result = call("nosuch", "{}");
  EXPECT_EQ(result->title, "Invalid Tool");
  EXPECT_TRUE(result->output.starts_with(
      "The arguments provided to the tool are invalid: Model tried to call unavailable tool 'nosuch'."));
  EXPECT_EQ(result->metadata.text, R"({"truncated":false})");
}

TEST_F(RegistryTest, AToolThatWasNotOfferedIsUnavailable) {
  EXPECT_TRUE(registry_.rewrite_invalid("write", "{}", {"read"}));
  EXPECT_FALSE(registry_.rewrite_invalid("write", "{}", {"write"}));
}

TEST_F(RegistryTest, NamesAreFoundInLowerCaseToo) {
  ASSERT_NE(registry_.find("Read"), nullptr);
  EXPECT_EQ(registry_.find("Read")->name(), "read");
}

TEST_F(RegistryTest, BrokenJsonIsToldAsTheModelWroteIt) {
  EXPECT_EQ(output("read", "{bad"),
            "The arguments provided to the tool are invalid: Invalid input for tool read: JSON parsing failed: "
            "Text: {bad.\nError message: JSON Parse error: Expected '}'");
  EXPECT_TRUE(output("read", "").contains("Missing key\n  at [\"filePath\"]")) << "nothing at all counts as {}";
}

TEST(JsonProblem, NamesTheKindOfMistake) {
  EXPECT_EQ(json_problem(R"({"a": "x)"), "JSON Parse error: Unterminated string");
  EXPECT_EQ(json_problem(R"({"a":)"), "JSON Parse error: Unexpected EOF");
  EXPECT_EQ(json_problem(R"([1,2)"), "JSON Parse error: Expected ']'");
  EXPECT_EQ(json_problem(std::string(100'000, '[')), "JSON Parse error: Unable to parse JSON string");
}

TEST_F(RegistryTest, TodosAreStoredAndPrinted) {
  const auto result = call("todowrite", R"({"todos":[{"content":"a","status":"completed","priority":"high","id":"1"},)"
                                        R"({"content":"b","status":"cancelled","priority":"low"}]})");
  EXPECT_EQ(result->title, "1 todos");
  EXPECT_EQ(result->output,
            "[\n  {\n    \"content\": \"a\",\n    \"status\": \"completed\",\n    \"priority\": \"high\"\n  },\n"
            "  {\n    \"content\": \"b\",\n    \"status\": \"cancelled\",\n    \"priority\": \"low\"\n  }\n]");
  EXPECT_EQ(host_.todos.size(), 2u);
  EXPECT_EQ(output("todowrite", R"({"todos":[]})"), "[]");
  EXPECT_TRUE(output("todowrite", R"({"todos":[{"content":"a","status":"x"}]})")
                  .contains("Missing key\n  at [\"todos\"][0][\"priority\"]"));
}

class Loud final : public Tool {
 public:
  std::string_view name() const override { return "loud"; }
  std::string_view description() const override { return ""; }
  std::string_view parameters() const override { return "{}"; }
  Task<ToolResult> run(domain::JsonText, ToolContext&) override {
    std::string text;
    for (int i = 1; i <= 2500; ++i) text += fmt::format("{}\n", i);
    co_return ToolOutput{.output = std::move(text), .metadata = {R"({"a":1})"}};
  }
};

TEST_F(RegistryTest, LongOutputIsKeptInAFile) {
  std::vector<std::shared_ptr<Tool>> tools;
  tools.push_back(std::make_unique<Loud>());
  const Registry registry(std::move(tools));
  ToolContext now = context();
  const auto result = loop_.run_until(registry.run("loud", {"{}"}, now));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->output.contains("\n2000\n\n...501 lines truncated...\n\n"));
  const auto seen = metadata(result);
  EXPECT_TRUE(seen.at("truncated").as_bool());
  const auto file = read_file(std::string(seen.at("outputPath").as_string()));
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->ends_with("2499\n2500\n"));
}

TEST(Truncate, KeepsWholeLinesWithinBothLimits) {
  EXPECT_FALSE(cut_head("a\nb", 2, 10));
  EXPECT_EQ(cut_head("a\nb\n", 2, 10)->kept, "a\nb");
  EXPECT_EQ(cut_head("aaa\nbbb\nccc", 10, 8)->kept, "aaa\nbbb");
  EXPECT_EQ(cut_head("aaa\nbbb\nccc", 10, 8)->removed, 4u);
  EXPECT_EQ(cut_head(std::string(20, 'x'), 10, 8)->kept, "");
}

}  // namespace
}  // namespace quarterdeck::tools
