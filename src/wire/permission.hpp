// Rules, permission requests and the answers to them as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/command.hpp"
#include "domain/permission.hpp"

namespace quarterdeck::wire {

std::string encode_ruleset(const domain::Ruleset& rules);
Result<domain::Ruleset> decode_ruleset(std::string_view json);
std::string encode_permission_request(const domain::PermissionRequest& request);
Result<domain::PermissionRequest> decode_permission_request(std::string_view json);

// {"reply":"once"|"always"|"reject","message"?}; the older {"response":…} of the web app is read too.
Result<domain::ReplyPermission> decode_reply_permission(PermissionId request, std::string_view json);

}  // namespace quarterdeck::wire
