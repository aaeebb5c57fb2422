// GET /api/event: the events of all directories in the v2 form, made from the global stream's frames:
//   {"directory","payload":{id,type,properties}}  ─▶  {"id","type","location":{"directory"},"data"}
#include "api/opencode/routes.hpp"
#include "feed/feed.hpp"
#include "wire/json.hpp"

namespace quarterdeck::api::opencode {
namespace {

constexpr std::string_view kData = "data: ";

// One frame in the other form; empty for the duplicates that are meant for OpenCode's own synchronisation.
std::string translated(std::string_view frame) {
  std::string ids;
  std::string_view data;
  for (std::size_t at = 0; at < frame.size();) {
    const std::size_t end = std::min(frame.find('\n', at), frame.size());
    const std::string_view line = frame.substr(at, end - at);
    if (line.starts_with("id: ")) ids = std::string(line) + '\n';
    if (line.starts_with(kData)) data = line.substr(kData.size());
    at = end + 1;
  }
  const auto envelope = wire::parse(data);
  const wire::Json* payload = envelope ? wire::value_at(*envelope, "payload") : nullptr;
  if (!payload) return {};
  const std::string type = wire::string_at(*payload, "type");
  if (type == "server.heartbeat") return ": heartbeat\n\n";
  if (type.empty() || type == "sync") return {};
  wire::JsonObject event{{"id", wire::string_at(*payload, "id")}, {"type", type}};
  if (const std::string directory = wire::string_at(*envelope, "directory"); !directory.empty()) {
    event["location"] = wire::JsonObject{{"directory", directory}};
  }
  const wire::Json* properties = wire::value_at(*payload, "properties");
  event["data"] = properties ? *properties : wire::Json(wire::JsonObject{});
  return fmt::format("{}data: {}\n\n", ids, wire::to_text(event));
}

class NativeEvents final : public net::Stream {
 public:
  explicit NativeEvents(std::unique_ptr<net::Stream> frames) : frames_(std::move(frames)) {}

  Batch take(std::size_t bytes_max) override { return translate(frames_->take(bytes_max)); }
  Batch last_words() override { return translate(frames_->last_words()); }
  void when_ready(Loop::Callback wake) override { frames_->when_ready(std::move(wake)); }

 private:
  Batch translate(Batch batch) {
    for (const net::Bytes& piece : batch.pieces) partial_ += *piece;
    batch.pieces.clear();
    std::string out;
    std::size_t at = 0;
    for (std::size_t end; (end = partial_.find("\n\n", at)) != std::string::npos; at = end + 2) {
      out += translated(std::string_view(partial_).substr(at, end - at));
    }
    partial_.erase(0, at);
    // All of it may be frames that this form does not have: nothing to send, and yet not the time to wait.
    if (out.empty() && at > 0 && !batch.end && !batch.abort) return take(kMoreBytes);
    if (!out.empty()) batch.pieces.push_back(std::make_shared<const std::string>(std::move(out)));
    return batch;
  }

  static constexpr std::size_t kMoreBytes = 64 * 1024;
  std::unique_ptr<net::Stream> frames_;
  std::string partial_;
};

struct EventV2Routes {
  Services& services;

  Task<net::Response> events(Call call) const {
    const auto after = query_number(call.request, "after");
    co_return net::Response{.headers = {{"Content-Type", "text/event-stream"},
                                        {"Cache-Control", "no-cache, no-transform"},
                                        {"X-Content-Type-Options", "nosniff"},
                                        {"X-Accel-Buffering", "no"}},
                            .body = std::make_unique<NativeEvents>(services.engine.feed.subscribe({}, after))};
  }
};

}  // namespace

std::vector<Route> event_v2_routes(Services& services) {
  const auto events = [routes = EventV2Routes{services}](Call call) { return routes.events(std::move(call)); };
  return {
      {"GET",
       "/api/event",
       "v2.event.subscribe",
       "Events of all directories, in the v2 form",
       events,
       "EventStream",
       "",
       {{"after", "go on after this event id"}}},
  };
}

}  // namespace quarterdeck::api::opencode
