// Messages and parts as JSON, in OpenCode's shapes. Parts of unknown types keep their members.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/message.hpp"

namespace quarterdeck::wire {

std::string encode_message(const domain::Message& message);
Result<domain::Message> decode_message(std::string_view json);
std::string encode_part(const domain::Part& part);
Result<domain::Part> decode_part(std::string_view json);
std::string encode_message_with_parts(const domain::MessageWithParts& message);  // {"info","parts"}
Result<domain::MessageWithParts> decode_message_with_parts(std::string_view json);
Result<std::vector<domain::MessageWithParts>> decode_messages_with_parts(std::string_view json);
std::string encode_message_error(const domain::MessageError& error);
Result<domain::MessageError> decode_message_error(std::string_view json);

// `type` on the wire: "text", "step-start", …
std::string_view part_type(const domain::PartContent& content);

}  // namespace quarterdeck::wire
