#include "wire/json_schema.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::wire {
namespace {

std::string violation(std::string_view schema, std::string_view value) {
  const auto parsed = parse(schema);
  const auto given = parse(value);
  EXPECT_TRUE(parsed && given) << schema << value;
  return schema_violation(*parsed, *given).value_or("");
}

TEST(JsonSchema, NamesThePathOfWhatDoesNotFit) {
  constexpr std::string_view schema =
      R"({"type":"object","properties":{"items":{"type":"array","items":{"type":"object","properties":{"price":{"type":"number"}},"required":["price"]}}},"required":["items"],"additionalProperties":false})";
  EXPECT_EQ(violation(schema, R"({"items":[{"price":1},{"price":2.5}]})"), "");
  EXPECT_EQ(violation(schema, R"({"items":[{"price":"12"}]})"), R"(/items/0/price: expected number, got "12")");
  EXPECT_EQ(violation(schema, R"({"items":[{}]})"), R"(/items/0: the member "price" is missing)");
  EXPECT_EQ(violation(schema, R"({"items":[],"more":1})"), "/more: there is no such member");
  EXPECT_EQ(violation(schema, "[]"), "/: expected object, got []");
}

TEST(JsonSchema, KnowsIntegersFromNumbers) {
  EXPECT_EQ(violation(R"({"type":"integer"})", "3"), "");
  EXPECT_EQ(violation(R"({"type":"integer"})", "3.0"), "");
  EXPECT_EQ(violation(R"({"type":"integer"})", "3.5"), "/: expected integer, got 3.5");
  EXPECT_EQ(violation(R"({"type":["string","null"]})", "null"), "");
  EXPECT_EQ(violation(R"({"type":["string","null"]})", "1"),
            R"(/: expected one of the types ["string","null"], got 1)");
}

TEST(JsonSchema, JudgesChoicesAndBounds) {
  EXPECT_EQ(violation(R"({"enum":["a",1]})", "1.0"), "");
  EXPECT_EQ(violation(R"({"enum":["a","b"]})", R"("c")"), R"(/: expected one of ["a","b"], got "c")");
  EXPECT_EQ(violation(R"({"const":"a"})", R"("b")"), R"(/: expected "a", got "b")");
  EXPECT_EQ(violation(R"({"minimum":1,"maximum":5})", "6"), "/: 6 is more than 5");
  EXPECT_EQ(violation(R"({"exclusiveMinimum":1})", "1"), "/: 1 is not more than 1");
  EXPECT_EQ(violation(R"({"multipleOf":0.1})", "0.3"), "");
  EXPECT_EQ(violation(R"({"maxLength":2})", R"("äöü")"), "/: expected at most 2 characters, got 3");
  EXPECT_EQ(violation(R"({"minItems":1})", "[]"), "/: expected at least 1 items, got 0");
  EXPECT_EQ(violation(R"({"uniqueItems":true})", "[1,2,1]"), "/: the items 0 and 2 are equal");
}

TEST(JsonSchema, CombinesAndFollowsReferences) {
  EXPECT_EQ(violation(R"({"anyOf":[{"type":"string"},{"type":"number"}]})", "1"), "");
  EXPECT_NE(violation(R"({"anyOf":[{"type":"string"},{"type":"number"}]})", "true"), "");
  EXPECT_EQ(violation(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", "1"),
            "/: 1 fits 2 alternatives instead of one");
  EXPECT_NE(violation(R"({"not":{"type":"string"}})", R"("a")"), "");
  constexpr std::string_view tree =
      R"({"$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"}},"required":["name"]}},"$ref":"#/$defs/node"})";
  EXPECT_EQ(violation(tree, R"({"name":"a","next":{"name":"b"}})"), "");
  EXPECT_EQ(violation(tree, R"({"name":"a","next":{}})"), R"(/next: the member "name" is missing)");
}

TEST(JsonSchema, EndsWhateverTheSchemaSays) {
  EXPECT_EQ(violation(R"({"$ref":"#"})", "1"), "");
  EXPECT_EQ(violation(R"({"$ref":"#/nowhere"})", "1"), "");
  EXPECT_EQ(violation(R"({"$ref":"http://example.com/other.json"})", "1"), "");
  EXPECT_EQ(violation(R"({"allOf":[{"$ref":"#"},{"$ref":"#"}],"anyOf":[{"$ref":"#"},{"$ref":"#"}]})", "1"), "");
  EXPECT_EQ(violation(R"({"type":5,"required":"x","properties":[],"enum":{},"items":3})", "{}"), "");
  EXPECT_EQ(violation("true", "1"), "");
  EXPECT_EQ(violation("false", "1"), "/: nothing is allowed here");
}

}  // namespace
}  // namespace quarterdeck::wire
