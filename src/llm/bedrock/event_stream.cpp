#include "llm/bedrock/event_stream.hpp"

#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <zlib.h>

namespace quarterdeck::llm::bedrock {
namespace {

constexpr std::size_t kPreludeBytes = 12;
constexpr std::size_t kFrameBytes = kPreludeBytes + 4;  // around headers and payload
constexpr std::size_t kHeaderBytesMax = 128 * 1024;

std::uint32_t crc(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::uint32_t number(std::string_view bytes, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

void append_number(std::string& out, std::uint32_t value, int size) {
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
}

// How long a header's value is by its type; nothing for text and bytes (which say it) and for unknown types.
std::optional<std::size_t> fixed_size(unsigned type) {
  constexpr std::array<int, 10> kSizes{0, 0, 1, 2, 4, 8, -1, -1, 8, 16};
  if (type >= kSizes.size() || kSizes[type] < 0) return std::nullopt;
  return static_cast<std::size_t>(kSizes[type]);
}

// False when the headers do not add up.
bool read_headers(std::string_view bytes, EventMessage& message) {
  while (!bytes.empty()) {
    const auto name_size = static_cast<unsigned char>(bytes[0]);
    if (bytes.size() < 2u + name_size) return false;
    const auto name = bytes.substr(1, name_size);
    const auto type = static_cast<unsigned char>(bytes[1 + name_size]);
    bytes.remove_prefix(2 + name_size);
    auto size = fixed_size(type);
    if (!size) {
      if ((type != 6 && type != 7) || bytes.size() < 2) return false;
      size = number(bytes, 2);
      bytes.remove_prefix(2);
    }
    if (bytes.size() < *size) return false;
    if (type == 7) message.headers.insert_or_assign(std::string(name), std::string(bytes.substr(0, *size)));
    bytes.remove_prefix(*size);
  }
  return true;
}

}  // namespace

void EventStreamReader::feed(std::string_view bytes) {
  if (!problem_.empty()) return;
  if (consumed_ > 0 && consumed_ * 2 > buffer_.size()) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
  buffer_ += bytes;
}

std::optional<EventMessage> EventStreamReader::refuse(std::string why) {
  problem_ = "the event stream is broken: " + std::move(why);
  buffer_.clear();
  consumed_ = 0;
  return std::nullopt;
}

std::optional<EventMessage> EventStreamReader::next() {
  const auto bytes = std::string_view(buffer_).substr(consumed_);
  if (!problem_.empty() || bytes.size() < kPreludeBytes) return std::nullopt;
  const std::size_t total = number(bytes, 4);
  const std::size_t header_bytes = number(bytes.substr(4), 4);
  if (crc(bytes.substr(0, 8)) != number(bytes.substr(8), 4)) return refuse("the checksum of a prelude is wrong");
  if (total < kFrameBytes || total > kMessageBytesMax || header_bytes > kHeaderBytesMax ||
      header_bytes > total - kFrameBytes) {
    return refuse(fmt::format("a message of {} bytes with {} bytes of headers", total, header_bytes));
  }
  if (bytes.size() < total) return std::nullopt;
  if (crc(bytes.substr(0, total - 4)) != number(bytes.substr(total - 4), 4)) {
    return refuse("the checksum of a message is wrong");
  }
  EventMessage message;
  if (!read_headers(bytes.substr(kPreludeBytes, header_bytes), message)) return refuse("headers that do not add up");
  message.payload = bytes.substr(kPreludeBytes + header_bytes, total - kFrameBytes - header_bytes);
  consumed_ += total;
  return message;
}

std::string event_stream_message(const EventMessage& message) {
  std::string headers;
  for (const auto& [name, value] : message.headers) {
    append_number(headers, static_cast<std::uint32_t>(name.size()), 1);
    headers += name;
    headers += '\x07';
    append_number(headers, static_cast<std::uint32_t>(value.size()), 2);
    headers += value;
  }
  std::string out;
  append_number(out, static_cast<std::uint32_t>(kFrameBytes + headers.size() + message.payload.size()), 4);
  append_number(out, static_cast<std::uint32_t>(headers.size()), 4);
  append_number(out, crc(out), 4);
  out += headers;
  out += message.payload;
  append_number(out, crc(out), 4);
  return out;
}

}  // namespace quarterdeck::llm::bedrock
