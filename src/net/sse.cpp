#include "net/sse.hpp"

#include <algorithm>
#include <utility>

namespace quarterdeck::net {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

void SseDecoder::feed(std::string_view bytes) {
  if (consumed_ == buffer_.size()) {
    buffer_.clear();
    consumed_ = scanned_ = 0;
  }
  buffer_.append(bytes);
}

std::optional<SseEvent> SseDecoder::next() {
  for (;;) {
    if (skip_line_feed_ && consumed_ < buffer_.size()) {
      skip_line_feed_ = false;
      if (buffer_[consumed_] == '\n') ++consumed_;
    }
    scanned_ = std::max(scanned_, consumed_);
    const auto is_line_end = [](char c) { return c == '\n' || c == '\r'; };
    const auto found =
        std::find_if(buffer_.begin() + static_cast<std::ptrdiff_t>(scanned_), buffer_.end(), is_line_end);
    if (found == buffer_.end()) {
      buffer_.erase(0, std::exchange(consumed_, 0));
      if (buffer_.size() > event_bytes_max_) {
        buffer_.clear();
        dropping_line_ = dropping_event_ = overflowed_ = true;
      }
      scanned_ = buffer_.size();
      return std::nullopt;
    }
    const auto end = static_cast<std::size_t>(found - buffer_.begin());
    const std::string_view line = std::string_view(buffer_).substr(consumed_, end - consumed_);
    skip_line_feed_ = *found == '\r';
    consumed_ = scanned_ = end + 1;
    if (std::exchange(dropping_line_, false)) continue;  // the rest of a line that was too long
    if (line.size() > event_bytes_max_) {
      // As when it had come in pieces.
      dropping_event_ = overflowed_ = true;
      continue;
    }
    if (!line.empty()) {
      take_line(line);
      continue;
    }
    first_line_ = false;
    const bool complete = std::exchange(has_data_, false) && !std::exchange(dropping_event_, false);
    SseEvent event{current_.id, std::exchange(current_.event, {}), std::exchange(current_.data, {})};
    dropping_event_ = false;
    if (complete) return event;
  }
}

void SseDecoder::take_line(std::string_view line) {
  if (std::exchange(first_line_, false) && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  if (dropping_event_) return;
  const auto colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (current_.data.size() + value.size() + 1 > event_bytes_max_) {
      current_.data = {};
      dropping_event_ = overflowed_ = true;
      return;
    }
    if (std::exchange(has_data_, true)) current_.data += '\n';
    current_.data += value;
  } else if (field == "event") {
    current_.event = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    current_.id = value;
  }
}

std::string sse_frame(std::string_view json, std::string_view id) {
  std::string frame;
  frame.reserve(json.size() + id.size() + 14);
  if (!id.empty()) frame.append("id: ").append(id).append("\n");
  frame.append("data: ").append(json).append("\n\n");
  return frame;
}

}  // namespace quarterdeck::net
