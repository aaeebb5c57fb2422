#include "app/cli/live_event.hpp"

#include <utility>

#include "wire/event.hpp"
#include "wire/json.hpp"
#include "wire/session.hpp"

namespace quarterdeck::app {
namespace {

// Only those events that a follower of sessions acts on.
template <class... Wanted>
std::optional<LiveEvent> keep(SessionId session, domain::Event event) {
  std::optional<LiveEvent> kept;
  const auto take = [&]<class T>(T& fact) {
    if constexpr ((std::same_as<T, Wanted> || ...)) kept = LiveEvent{std::move(session), std::move(fact)};
  };
  std::visit(take, event);
  return kept;
}

}  // namespace

std::optional<LiveEvent> read_live_event(std::string_view json) {
  const auto document = wire::parse(json);
  if (!document) return std::nullopt;
  const std::string type = wire::string_at(*document, "type");
  const wire::Json* properties = wire::value_at(*document, "properties");
  if (properties == nullptr || !properties->is_object()) return std::nullopt;
  SessionId session{wire::string_at(*properties, "sessionID")};
  if (session.empty()) return std::nullopt;

  if (type == "message.part.delta") {
    return LiveEvent{std::move(session), domain::TextDelta{.message_id = {wire::string_at(*properties, "messageID")},
                                                           .part_id = {wire::string_at(*properties, "partID")},
                                                           .field = wire::string_at(*properties, "field", "text"),
                                                           .delta = wire::string_at(*properties, "delta")}};
  }
  if (type == "session.status") {
    const wire::Json* status = wire::value_at(*properties, "status");
    if (status == nullptr) return std::nullopt;
    auto decoded = wire::decode_status(wire::to_text(*status));
    if (!decoded) return std::nullopt;
    return LiveEvent{std::move(session), domain::StatusChanged{std::move(*decoded)}};
  }
  if (type == "question.asked") return LiveEvent{std::move(session), QuestionAsked{wire::string_at(*properties, "id")}};

  auto event = wire::decode_event(type, wire::kEventVersion, wire::to_text(*properties));
  if (!event) return std::nullopt;
  return keep<domain::SessionCreated, domain::SessionUpdated, domain::SessionDeleted, domain::MessageUpdated,
              domain::PartUpdated, domain::SessionFailed, domain::PermissionAsked, domain::PermissionReplied>(
      std::move(session), std::move(*event));
}

}  // namespace quarterdeck::app
