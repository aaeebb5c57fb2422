#include "bench/micro/cases.hpp"

#include <memory>

#include "base/testing/test_loop.hpp"
#include "feed/feed.hpp"
#include "llm/chat_completions.hpp"
#include "net/server/request_parser.hpp"
#include "net/sse.hpp"
#include "session/context.hpp"
#include "session/history.hpp"
#include "store/open.hpp"
#include "store/testing/samples.hpp"
#include "wire/event.hpp"
#include "wire/message.hpp"

namespace quarterdeck::micro {
namespace {

using namespace domain;
using namespace store::testing;

const SessionId kSession{"ses_0123456789abcdefghijklmnop"};
const std::string kText =
    "The model says a sentence with \"quotes\", a line break\nand some ünïcödé, as models do; nothing more than that. ";

std::string message_id(int number) { return fmt::format("msg_01234567890{:05}abcdefghij", number); }

// What a conversation of `turns` leaves: a prompt and a step with text and a call each.
std::vector<MessageWithParts> conversation(int turns) {
  std::vector<MessageWithParts> messages;
  int part = 0;
  const auto part_id = [&] { return fmt::format("prt_01234567890{:05}abcdefghij", part++); };
  for (int turn = 0; turn < turns; ++turn) {
    const std::string prompt = message_id(2 * turn), answer = message_id(2 * turn + 1);
    messages.push_back({user(kSession.value, prompt, 2 * turn), {text_part(kSession.value, prompt, part_id(), kText)}});
    AssistantMessage step = assistant(kSession.value, answer, 2 * turn + 1);
    step.parent_id = {prompt};
    step.completed = 2 * turn + 1;
    ToolCompleted done{.input = {R"({"command":"true"})"}, .output = kText, .title = "true"};
    messages.push_back({step,
                        {text_part(kSession.value, answer, part_id(), kText + kText + kText),
                         tool_part(kSession.value, answer, part_id(), std::move(done)),
                         text_part(kSession.value, answer, part_id(), kText)}});
  }
  return messages;
}

std::vector<Event> as_events(const std::vector<MessageWithParts>& messages) {
  std::vector<Event> events;
  for (const MessageWithParts& message : messages) {
    events.push_back(MessageUpdated{message.info});
    for (const Part& part : message.parts) events.push_back(PartUpdated{part, 1});
  }
  return events;
}

// ------------------------------------------------------------------------------------------------ wire

std::function<void()> encode_event() {
  const Event event = PartUpdated{text_part(kSession.value, message_id(1), "prt_1", kText), 1};
  return [event] { (void)wire::encode_event(kSession, event); };
}

std::function<void()> encode_delta() {
  const Delta delta = TextDelta{{message_id(1)}, {"prt_1"}, "text", "a few words "};
  return [delta] { (void)wire::encode_delta(kSession, delta); };
}

std::function<void()> decode_messages() {
  std::string json = "[";
  for (const MessageWithParts& message : conversation(1)) {
    if (json.size() > 1) json += ',';
    json += wire::encode_message_with_parts(message);
  }
  json += ']';
  return [json] { ASSERT(wire::decode_messages_with_parts(json), "what was encoded can be decoded"); };
}

// ------------------------------------------------------------------------------------------------ net

std::function<void()> http_head() {
  const std::string request =
      "POST /session/ses_0123456789abcdefghijklmnop/prompt_async?directory=%2Fwork HTTP/1.1\r\n"
      "Host: 127.0.0.1:4096\r\nUser-Agent: opencode/1.18\r\nAccept: */*\r\nContent-Type: application/json\r\n"
      "X-Opencode-Directory: /work\r\nContent-Length: 2\r\n\r\n{}";
  auto parser = std::make_shared<net::RequestParser>(
      net::RequestParser::Limits{.header_bytes_max = 65536, .body_bytes_max = 65536});
  return [parser, request] {
    ASSERT(parser->feed(request) == net::RequestParser::State::complete, "a complete request");
    (void)parser->take();
  };
}

std::function<void()> decode_sse() {
  std::string stream;
  for (int i = 0; i < 100; ++i) stream += net::sse_frame(R"({"choices":[{"delta":{"content":"a few words "}}]})");
  auto decoder = std::make_shared<net::SseDecoder>();
  return [decoder, stream] {
    decoder->feed(stream);
    while (decoder->next()) {}
  };
}

// ------------------------------------------------------------------------------------------------ llm

// A provider's server without a network: every request gets the same answer at once.
class Canned final : public net::HttpClient {
 public:
  explicit Canned(std::string answer) : answer_(std::move(answer)) {}
  Task<Result<void>> fetch(net::ClientRequest request, net::ResponseSink& sink, std::stop_token) override {
    request_ = std::move(request.body);
    sink.on_head(200, {{"content-type", "text/event-stream"}});
    sink.on_body(answer_);
    co_return Result<void>();
  }

 private:
  std::string answer_;
  std::string request_;
};

class Ignore final : public llm::ModelSink {
 public:
  void on_event(llm::ModelEvent) override {}
};

struct Model {
  explicit Model(std::string answer) : client(std::move(answer)) {
    request.provider = {.id = "fake", .base_url = "http://127.0.0.1/v1"};
    request.model = {.id = "fake", .api_id = "fake"};
  }
  void call() { ASSERT(loop.run_until(provider->stream(request, sink, {})), "the canned answer is complete"); }
  quarterdeck::testing::TestLoop loop;
  Canned client;
  Ignore sink;
  std::unique_ptr<llm::Provider> provider = llm::make_chat_completions(loop, client);
  llm::ModelRequest request;
};

std::string answer_of(int deltas) {
  std::string stream;
  for (int i = 0; i < deltas; ++i) {
    stream += net::sse_frame(
        R"({"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"fake","choices":[{"index":0,"delta":{"content":"a few words "},"finish_reason":null}]})");
  }
  stream += net::sse_frame(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
  return stream + net::sse_frame("[DONE]");
}

std::function<void()> chat_answer() {
  auto model = std::make_shared<Model>(answer_of(100));
  model->request.messages = {{llm::Role::user, {llm::TextContent{"hello"}}}};
  return [model] { model->call(); };
}

std::function<void()> chat_request() {
  auto model = std::make_shared<Model>(answer_of(1));
  const session::History history(conversation(500));
  model->request.messages = session::chat_messages(history, {message_id(998)});
  return [model] { model->call(); };
}

// ------------------------------------------------------------------------------------------------ session

std::function<void()> history_said() {
  auto history = std::make_shared<session::History>(conversation(500));
  (void)session::chat_messages(*history, {message_id(998)});  // renders what was said
  return [history] { (void)session::chat_messages(*history, {message_id(998)}); };
}

std::function<void()> history_apply() {
  auto history = std::make_shared<session::History>(conversation(500));
  const Event part = PartUpdated{text_part(kSession.value, message_id(999), "prt_0123456789099999", kText), 1};
  return [history, part] { history->apply(part); };
}

// ------------------------------------------------------------------------------------------------ feed

std::function<void()> fan_out(int subscribers) {
  struct Rig {
    quarterdeck::testing::TestLoop loop;
    std::unique_ptr<BlockingPool> pool = make_blocking_pool(1);
    FakeClock clock;
    feed::Feed feed{
        loop, *pool, clock, system_random(), [](store::Seq, std::int64_t) { return std::vector<store::StoredEvent>(); },
        0};
    std::vector<std::unique_ptr<net::Stream>> streams;
  };
  auto rig = std::make_shared<Rig>();
  for (int i = 0; i < subscribers; ++i) rig->streams.push_back(rig->feed.subscribe({"/work"}));
  const feed::DeltaEnvelope envelope{.session = kSession,
                                     .directory = "/work",
                                     .project_id = "project",
                                     .delta = TextDelta{{message_id(1)}, {"prt_1"}, "text", "a few words "}};
  return [rig, envelope] {
    rig->feed.publish(envelope);
    rig->loop.run_once(0);
    for (const auto& stream : rig->streams) (void)stream->take(64 * 1024);
  };
}

// ------------------------------------------------------------------------------------------------ store

struct Stored {
  Stored() { open(); }
  // Closed and opened again: what was written lies in the database, not in its log, whenever that is folded in.
  void reopen() {
    store.reset();
    open();
  }
  void open() {
    auto opened = store::open_sqlite(loop, clock, system_random(), {.directory = dir.path() / "data"});
    if (!opened) throw std::runtime_error(opened.error().message);
    store = std::move(*opened);
  }
  void append(std::vector<Event> events) {
    auto stored = loop.run_until(store->events().append(batch(kSession.value, std::move(events))));
    if (!stored) throw std::runtime_error(stored.error().message);
  }
  TempDir dir;
  quarterdeck::testing::TestLoop loop;
  FakeClock clock;
  std::unique_ptr<store::Store> store;
};

std::shared_ptr<Stored> stored(int turns) {
  auto made = std::make_shared<Stored>();
  made->append({SessionCreated{store::testing::session(kSession.value)}});
  if (turns > 0) made->append(as_events(conversation(turns)));
  made->reopen();
  return made;
}

std::function<void()> message_list() {
  auto made = stored(500);
  return [made] { ASSERT(made->store->query().messages_json(kSession, {}), "the session is there"); };
}

std::function<void()> session_read() {
  auto made = stored(0);
  return [made] { ASSERT(made->store->query().session_json(kSession), "the session is there"); };
}

std::function<void()> append_events() {
  auto made = stored(1);
  auto number = std::make_shared<int>(0);
  return [made, number] {
    const std::string id = message_id(10 + ++*number);
    made->append({MessageUpdated{user(kSession.value, id, *number)},
                  PartUpdated{text_part(kSession.value, id, "prt_" + id, kText), 1}});
  };
}

}  // namespace

std::vector<Case> cases() {
  return {
      {"wire: encode an event", encode_event},
      {"wire: encode a delta", encode_delta},
      {"wire: decode two messages", decode_messages},
      {"net: parse a request head", http_head},
      {"net: decode 100 server-sent events", decode_sse},
      {"llm: relay an answer of 100 deltas", chat_answer},
      {"llm: encode a request of 1,000 messages", chat_request},
      {"session: a prompt after 1,000 messages", history_said},
      {"session: apply an event after 1,000 messages", history_apply},
      {"feed: a delta to 1 subscriber", [] { return fan_out(1); }},
      {"feed: a delta to 500 subscribers", [] { return fan_out(500); }},
      {"store: read a session", session_read},
      {"store: list 1,000 messages", message_list},
      {"store: append a prompt (durable)", append_events, false},
  };
}

}  // namespace quarterdeck::micro
