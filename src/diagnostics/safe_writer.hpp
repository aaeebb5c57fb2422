// Text into a descriptor with async-signal-safe calls only: no allocation, no locks, no locale.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace quarterdeck::diagnostics {

class SafeWriter {
 public:
  explicit SafeWriter(int fd) : fd_(fd) {}
  ~SafeWriter() { flush(); }
  SafeWriter(const SafeWriter&) = delete;
  SafeWriter& operator=(const SafeWriter&) = delete;

  SafeWriter& text(std::string_view text) {
    for (const char c : text) put(c);
    return *this;
  }
  SafeWriter& decimal(std::int64_t number) {
    if (number < 0) put('-');
    char digits[20];
    int count = 0;
    auto rest = number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    do {
      digits[count++] = static_cast<char>('0' + rest % 10);
    } while ((rest /= 10) != 0);
    while (count > 0) put(digits[--count]);
    return *this;
  }
  SafeWriter& hex(std::uint64_t number) {
    text("0x");
    bool started = false;
    for (int shift = 60; shift >= 0; shift -= 4) {
      const auto digit = static_cast<unsigned>(number >> shift) & 15;
      started = started || digit != 0 || shift == 0;
      if (started) put("0123456789abcdef"[digit]);
    }
    return *this;
  }
  void flush() {
    const char* from = buffer_;
    while (length_ > 0) {
      const ssize_t written = ::write(fd_, from, length_);
      if (written <= 0) break;
      from += written;
      length_ -= static_cast<std::size_t>(written);
    }
    length_ = 0;
  }

 private:
  void put(char c) {
    if (length_ == sizeof buffer_) flush();
    buffer_[length_++] = c;
  }

  int fd_;
  std::size_t length_ = 0;
  char buffer_[1024];
};

}  // namespace quarterdeck::diagnostics
