#include "wire/permission.hpp"

#include "wire/codec.hpp"
#include "wire/describe/permission.hpp"

namespace quarterdeck::wire {
namespace {

struct ReplyShape {
  domain::Reply reply = domain::Reply::once;
  std::optional<std::string> message;
};

void describe(Reader& io, ReplyShape& shape) {
  const bool older = !io.has("reply") && io.has("response");
  io.field(older ? "response" : "reply", shape.reply);
  io.field("message", shape.message);
}

}  // namespace

std::string encode_ruleset(const domain::Ruleset& rules) { return encode(rules); }
Result<domain::Ruleset> decode_ruleset(std::string_view json) { return decode_text<domain::Ruleset>(json); }
std::string encode_permission_request(const domain::PermissionRequest& request) { return encode(request); }
Result<domain::PermissionRequest> decode_permission_request(std::string_view json) {
  return decode_text<domain::PermissionRequest>(json);
}

Result<domain::ReplyPermission> decode_reply_permission(PermissionId request, std::string_view json) {
  TRY(auto shape, decode_text<ReplyShape>(json));
  return domain::ReplyPermission{std::move(request), shape.reply, std::move(shape.message)};
}

}  // namespace quarterdeck::wire
