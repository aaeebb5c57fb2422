#include "tools/question/question.hpp"

#include "tools/arguments.hpp"
#include "wire/describe/question.hpp"

namespace quarterdeck::tools {

static void describe(ArgumentReader& io, domain::QuestionOption& option) { wire::describe(io, option); }
static void describe(ArgumentReader& io, domain::Question& question) {
  io.field("question", question.question);
  io.field("header", question.header);
  io.field("options", question.options);
  io.field("multiple", question.multiple);
}

namespace {

constexpr std::size_t kQuestionsMax = 20;
constexpr std::size_t kOptionsMax = 50;

constexpr std::string_view kDescription =
    R"text(Asks the person you work for one or more questions and waits for the answers. Use it for a decision that changes the result and that the repository cannot answer: a preference, a requirement that is missing, a choice between two designs.

- Give each question a few options, the one you would take first, with "(Recommended)" at the end of its label.
- The person can always type an answer of their own; do not add an option such as "Other".
- Set `multiple` when more than one option may be chosen. Answers come back as the labels that were chosen.
- Ask related questions in one call. Do not ask what you can find out yourself.)text";

constexpr std::string_view kParameters =
    R"({"type":"object","properties":{"questions":{"type":"array","items":{"type":"object","properties":{"question":{"type":"string","description":"The whole question"},"header":{"type":"string","description":"A label of at most 30 characters"},"options":{"type":"array","items":{"type":"object","properties":{"label":{"type":"string","description":"The choice in 1 to 5 words"},"description":{"type":"string","description":"What the choice means"}},"required":["label","description"]},"description":"The choices"},"multiple":{"type":"boolean","description":"More than one may be chosen"}},"required":["question","header","options"]},"description":"What to ask"}},"required":["questions"]})";

struct Arguments {
  std::vector<domain::Question> questions;
};
template <class Io>
void describe(Io& io, Arguments& arguments) {
  io.field("questions", arguments.questions);
}

struct Metadata {
  domain::Answers answers;
};
template <class Io>
void describe(Io& io, Metadata& metadata) {
  io.field("answers", metadata.answers);
}

class QuestionTool final : public Tool {
 public:
  std::string_view name() const override { return "question"; }
  std::string_view description() const override { return kDescription; }
  std::string_view parameters() const override { return kParameters; }

  Task<ToolResult> run(domain::JsonText input, ToolContext& context) override {
    auto arguments = decode_arguments<Arguments>(name(), input);
    if (!arguments) co_return std::unexpected(std::move(arguments.error()));
    const std::vector<domain::Question>& questions = arguments->questions;
    const bool too_many = questions.size() > kQuestionsMax || std::ranges::any_of(questions, [](const auto& question) {
                            return question.options.size() > kOptionsMax;
                          });
    if (too_many) {
      co_return failed(
          fmt::format("At most {} questions with {} options each can be asked at once", kQuestionsMax, kOptionsMax));
    }
    const auto answers = co_await context.host.ask_questions(questions);
    if (!answers) co_return std::unexpected(answers.error());
    std::string said;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const bool answered = i < answers->size() && !(*answers)[i].empty();
      said += fmt::format("{}\"{}\"=\"{}\"", said.empty() ? "" : ", ", questions[i].question,
                          answered ? fmt::format("{}", fmt::join((*answers)[i], ", ")) : "Unanswered");
    }
    const Metadata metadata{*answers};
    co_return ToolOutput{
        .title = fmt::format("Asked {} question{}", questions.size(), questions.size() > 1 ? "s" : ""),
        .output = fmt::format(
            "User has answered your questions: {}. You can now continue with the user's answers in mind.", said),
        .metadata = wire::encode_json_text(metadata)};
  }
};

}  // namespace

std::unique_ptr<Tool> make_question() { return std::make_unique<QuestionTool>(); }

}  // namespace quarterdeck::tools
