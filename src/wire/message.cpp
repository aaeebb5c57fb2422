#include "wire/message.hpp"

#include "wire/codec.hpp"
#include "wire/describe/message.hpp"

namespace quarterdeck::wire {

std::string encode_message(const domain::Message& message) { return encode(message); }
Result<domain::Message> decode_message(std::string_view json) { return decode_text<domain::Message>(json); }
std::string encode_part(const domain::Part& part) { return encode(part); }
Result<domain::Part> decode_part(std::string_view json) { return decode_text<domain::Part>(json); }
std::string encode_message_with_parts(const domain::MessageWithParts& message) { return encode(message); }
Result<domain::MessageWithParts> decode_message_with_parts(std::string_view json) {
  return decode_text<domain::MessageWithParts>(json);
}
Result<std::vector<domain::MessageWithParts>> decode_messages_with_parts(std::string_view json) {
  return decode_text<std::vector<domain::MessageWithParts>>(json);
}
std::string encode_message_error(const domain::MessageError& error) { return encode(error); }
Result<domain::MessageError> decode_message_error(std::string_view json) {
  return decode_text<domain::MessageError>(json);
}
std::string_view part_type(const domain::PartContent& content) { return type_of(content); }

}  // namespace quarterdeck::wire
