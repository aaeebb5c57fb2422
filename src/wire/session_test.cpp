#include "wire/session.hpp"

#include <gtest/gtest.h>

#include "wire/agent.hpp"
#include "wire/json.hpp"
#include "wire/message.hpp"
#include "wire/model.hpp"
#include "wire/permission.hpp"
#include "wire/project.hpp"

namespace quarterdeck::wire {
namespace {

constexpr std::string_view kSession =
    R"({"id":"ses_dfca874e4ffeADIf4iLAaAw6rI","slug":"stellar-garden","projectID":"b32b8cd1","directory":"/home/dev/project",)"
    R"("path":"","cost":0.25,"tokens":{"input":100,"output":8,"reasoning":0,"cache":{"read":0,"write":0}},)"
    R"("title":"evt base","agent":"build","model":{"id":"fake","providerID":"fake","variant":"default"},"version":"1.18.33",)"
    R"("time":{"created":1795352398619,"updated":1795352399441}})";

TEST(SessionCodec, WritesWhatItReadByteForByte) {
  const auto session = decode_session(kSession);
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ(session->model->model_id, "fake");
  EXPECT_EQ(encode_session(*session), kSession);
}

TEST(SessionCodec, KeepsEveryMember) {
  domain::Session session = *decode_session(kSession);
  session.parent_id = SessionId{"ses_parent"};
  session.summary = domain::DiffSummary{1, 2, 3};
  session.permission = domain::Ruleset{{"bash", "git *", domain::Action::deny}};
  session.metadata = domain::JsonText{R"({"a":[0.5,1,-7]})"};
  session.archived = 12;
  EXPECT_EQ(decode_session(encode_session(session)), session);
}

TEST(SessionCodec, SaysWhereASessionIsWrong) {
  EXPECT_EQ(decode_session("[]").error().message, "Expected object, got []");
  EXPECT_EQ(decode_session(R"({"id":"x"})").error().path, "[\"id\"]");
}

TEST(CreateSession, ComesWithOrWithoutBody) {
  EXPECT_TRUE(decode_create_session(""));
  EXPECT_TRUE(decode_create_session("{}"));
  EXPECT_FALSE(decode_create_session("nope"));
  const auto command = decode_create_session(
      R"({"title":"t","agent":"build","model":{"providerID":"p","id":"m"},"permission":[{"permission":"question","pattern":"*","action":"deny"}],"unknown":1})");
  ASSERT_TRUE(command) << command.error().message;
  EXPECT_EQ(command->model, (domain::ModelRef{"p", "m", {}}));
  EXPECT_EQ(command->permission->at(0).action, domain::Action::deny);
}

TEST(UpdateSession, ArchivesAndTakesOutOfTheArchive) {
  EXPECT_EQ(decode_update_session(R"({"time":{"archived":5}})")->archived, std::optional<TimeMs>(5));
  const auto taken_out = decode_update_session(R"({"time":{"archived":null}})");
  ASSERT_TRUE(taken_out->archived.has_value());
  EXPECT_FALSE(taken_out->archived->has_value());
  EXPECT_FALSE(decode_update_session(R"({"title":"t"})")->archived.has_value());
  EXPECT_FALSE(decode_update_session(R"({"metadata":5})"));
}

TEST(PromptCodec, ReadsThePartsThatClientsSend) {
  const auto prompt = decode_prompt(
      R"({"messageID":"msg_1","agent":"build","model":{"modelID":"m","providerID":"p"},"variant":"high","noReply":true,)"
      R"("parts":[{"id":"prt_1","type":"text","text":"hi"},{"type":"file","mime":"text/plain","url":"data:,x","filename":"x"},)"
      R"({"type":"agent","name":"explore"},{"type":"subtask","prompt":"p","description":"d","agent":"general"}]})");
  ASSERT_TRUE(prompt) << prompt.error().message;
  EXPECT_EQ(prompt->message_id, MessageId{"msg_1"});
  EXPECT_EQ(prompt->model->variant, "high");
  EXPECT_TRUE(prompt->no_reply);
  ASSERT_EQ(prompt->parts.size(), 4u);
  EXPECT_EQ(std::get<domain::TextPart>(prompt->parts[0].content).text, "hi");
  EXPECT_EQ(std::get<domain::SubtaskPart>(prompt->parts[3].content),
            (domain::SubtaskPart{.prompt = "p", .description = "d", .agent = "general", .model = {}, .command = {}}));
}

TEST(PromptCodec, NamesTheMistake) {
  EXPECT_EQ(decode_prompt("{}").error().message, "Missing key\n  at [\"parts\"]");
  EXPECT_EQ(decode_prompt(R"({"parts":[{"type":"text"}]})").error().message,
            "Missing key\n  at [\"parts\"][0][\"text\"]");
  EXPECT_EQ(decode_prompt(R"({"parts":[{"type":"zzz"}]})").error().message,
            "Expected \"text\" | \"file\" | \"agent\" | \"subtask\", got \"zzz\"\n  at [\"parts\"][0][\"type\"]");
  EXPECT_EQ(decode_prompt(R"({"messageID":"bad","parts":[]})").error().path, "[\"messageID\"]");
}

TEST(PartCodec, KeepsUnknownPartsAsTheyCame) {
  constexpr std::string_view text =
      R"({"id":"prt_1","sessionID":"ses_1","messageID":"msg_1","type":"novel","a":{"b":[1,0.5,"ü\n"]},"c":null})";
  const auto part = decode_part(text);
  ASSERT_TRUE(part) << part.error().message;
  EXPECT_EQ(std::get<domain::OtherPart>(part->content).type, "novel");
  EXPECT_EQ(encode_part(*part), text);
  EXPECT_EQ(encode_part(*decode_part(R"({"id":"prt_1","sessionID":"ses_1","messageID":"msg_1","type":"novel"})")),
            R"({"id":"prt_1","sessionID":"ses_1","messageID":"msg_1","type":"novel"})");
}

TEST(PartCodec, WritesAttachmentsAsFilePartsOfTheMessage) {
  domain::ToolCompleted state{{}, "ok", "t", {}, 1, 2, {{{"prt_a"}, "image/png", "data:x"}}};
  const domain::Part part{{"prt_1"}, {"ses_1"}, {"msg_1"}, domain::ToolPart{"call", "read", state, {}}};
  const std::string text = encode_part(part);
  EXPECT_NE(text.find(R"("attachments":[{"id":"prt_a","sessionID":"ses_1","messageID":"msg_1","type":"file")"),
            text.npos);
  EXPECT_EQ(decode_part(text), part);
}

TEST(PermissionCodec, ReadsBothFormsOfAReply) {
  EXPECT_EQ(decode_reply_permission({"per_1"}, R"({"reply":"always"})")->reply, domain::Reply::always);
  EXPECT_EQ(decode_reply_permission({"per_1"}, R"({"response":"reject"})")->reply, domain::Reply::reject);
  EXPECT_EQ(decode_reply_permission({"per_1"}, "{}").error().path, "[\"reply\"]");
  EXPECT_FALSE(decode_reply_permission({"per_1"}, R"({"reply":"maybe"})"));
}

TEST(ProviderCodec, ShowsNoSecrets) {
  domain::ProviderInfo provider{.id = "p",
                                .name = "P",
                                .source = "config",
                                .npm = "@ai-sdk/openai-compatible",
                                .base_url = "https://user:hunter2@host/v1?a=b@c",
                                .api_key = "hunter2",
                                .headers = {{"authorization", "hunter2"}}};
  provider.models["m"] = domain::ModelInfo{.id = "m", .provider_id = "p", .headers = {{"x", "hunter2"}}};
  const std::string text = encode_providers({provider});
  EXPECT_EQ(text.find("hunter2"), text.npos) << text;
  const auto json = parse(text);
  ASSERT_TRUE(json);
  const Json& first = json->as_array().at(0);
  EXPECT_EQ(string_at(*value_at(first, "options"), "baseURL"), "https://host/v1?a=b@c");
  const Json& model = first.at("models").at("m");
  EXPECT_EQ(model.at("api").at("npm").as_string(), "@ai-sdk/openai-compatible");
  EXPECT_TRUE(model.at("capabilities").at("input").at("text").as_bool());
}

TEST(ProjectCodec, RoundTrips) {
  constexpr std::string_view text =
      R"({"id":"b32b","worktree":"/home/dev/project","vcs":"git","name":"My proj","time":{"created":1,"updated":2},"sandboxes":[]})";
  EXPECT_EQ(encode_project(*decode_project(text)), text);
}

TEST(AgentCodec, WritesAnAgentAsClientsSeeIt) {
  domain::Agent agent{.name = "build", .description = "d", .permission = {{"*", "*", domain::Action::allow}}};
  EXPECT_EQ(
      encode_agents({agent}),
      R"([{"name":"build","description":"d","mode":"primary","native":true,"permission":[{"permission":"*","pattern":"*","action":"allow"}],"options":{}}])");
}

}  // namespace
}  // namespace quarterdeck::wire
