#include "wire/event.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "wire/json.hpp"
#include "wire/message.hpp"

namespace quarterdeck::wire {
namespace {

struct Sample {
  std::string type;
  int version;
  std::string properties;
};

// wire/golden/<type>.<version>.jsonl: one event's properties a line, as they were stored or seen at clients.
std::vector<Sample> golden_samples() {
  std::vector<Sample> samples;
  for (const auto& entry : std::filesystem::directory_iterator(QD_SOURCE_DIR "/src/wire/golden")) {
    const std::string stem = entry.path().stem();
    const auto dot = stem.rfind('.');
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      samples.push_back({stem.substr(0, dot), std::stoi(stem.substr(dot + 1)), line});
    }
  }
  return samples;
}

SessionId session_of(const Json& properties) {
  if (const Json* id = value_at(properties, "sessionID")) return {std::string(id->as_string())};
  return {};
}

TEST(EventCodec, EveryGoldenEventIsReadAndWrittenWithoutLoss) {
  const auto samples = golden_samples();
  ASSERT_GT(samples.size(), 40u);
  for (const Sample& sample : samples) {
    const auto event = decode_event(sample.type, sample.version, sample.properties);
    ASSERT_TRUE(event) << sample.type << " " << event.error().message << "\n" << sample.properties;
    const Json before = *parse(sample.properties);
    const EncodedEvent again = encode_event(session_of(before), *event);
    EXPECT_EQ(again.type, sample.type);
    EXPECT_EQ(*parse(again.properties), before) << "written: " << again.properties << "\nread: " << sample.properties;
  }
}

TEST(EventCodec, EveryKindOfEventHasAGoldenFile) {
  std::set<std::string> types;
  for (const auto& sample : golden_samples()) types.insert(sample.type);
  EXPECT_EQ(types.size(), std::variant_size_v<domain::Event>);
}

TEST(EventCodec, RefusesEventsFromTheFutureAndUnknownTypes) {
  EXPECT_EQ(decode_event("session.updated", kEventVersion + 1, "{}").error().code, ErrorCode::invalid);
  EXPECT_EQ(decode_event("nonsense", 1, "{}").error().code, ErrorCode::invalid);
  EXPECT_EQ(decode_event("session.updated", 1, "{").error().code, ErrorCode::invalid);
  EXPECT_EQ(decode_event("session.updated", 1, "{}").error().message, "Missing key\n  at [\"info\"]");
}

TEST(EventCodec, HidesOurOwnEventsFromClients) {
  EXPECT_TRUE(shown_to_clients(event_type(domain::MessageRemoved{})));
  EXPECT_FALSE(shown_to_clients(event_type(domain::PartAppended{})));
  EXPECT_FALSE(shown_to_clients(event_type(domain::TurnStarted{})));
}

TEST(EventCodec, WritesDeltasAsClientsKnowThem) {
  const SessionId session{"ses_1"};
  const auto text = encode_delta(session, domain::TextDelta{{"msg_1"}, {"prt_1"}, "text", "hi \"you\""});
  EXPECT_EQ(text.type, "message.part.delta");
  EXPECT_EQ(text.properties,
            R"({"sessionID":"ses_1","messageID":"msg_1","partID":"prt_1","field":"text","delta":"hi \"you\""})");
  EXPECT_EQ(encode_delta(session, domain::StatusChanged{{domain::Status::Type::busy}}).properties,
            R"({"sessionID":"ses_1","status":{"type":"busy"}})");
  EXPECT_EQ(encode_delta(session, domain::StatusChanged{{domain::Status::Type::retry, 1, "503", 99}}).properties,
            R"({"sessionID":"ses_1","status":{"type":"retry","attempt":1,"message":"503","next":99}})");
  EXPECT_EQ(encode_delta(session, domain::SessionIdle{}).properties, R"({"sessionID":"ses_1"})");
  EXPECT_EQ(encode_delta(session, domain::SessionDiffed{}).properties, R"({"sessionID":"ses_1","diff":[]})");
  const auto edited = encode_delta(session, domain::FileEdited{"/a b"});
  EXPECT_EQ(edited.type, "file.edited");
  EXPECT_EQ(edited.properties, R"({"file":"/a b"})");
}

TEST(EventCodec, PartProgressLooksLikeAnUpdateOfThePart) {
  const domain::Part part{{"prt_1"}, {"ses_1"}, {"msg_1"}, domain::TextPart{"x", {}, {}, {}, {}}};
  const auto progress = encode_delta({"ses_1"}, domain::PartProgress{part, 7});
  const auto update = encode_event({"ses_1"}, domain::PartUpdated{part, 7});
  EXPECT_EQ(progress.type, update.type);
  EXPECT_EQ(progress.properties, update.properties);
}

}  // namespace
}  // namespace quarterdeck::wire
