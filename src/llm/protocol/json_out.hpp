// Writes a JSON document front to back into one string: request bodies hold megabytes of history and images, which are
// not worth a tree. Commas are its business, balance is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "wire/json.hpp"

namespace quarterdeck::llm::protocol {

class JsonOut {
 public:
  void reserve(std::size_t bytes) { out_.reserve(bytes); }

  JsonOut& object() { return open('{'); }
  JsonOut& object(std::string_view name) { return key(name).open('{'); }
  JsonOut& end_object() { return close('}'); }
  JsonOut& array() { return open('['); }
  JsonOut& array(std::string_view name) { return key(name).open('['); }
  JsonOut& end_array() { return close(']'); }

  JsonOut& key(std::string_view name) {
    comma();
    wire::append_quoted(out_, name);
    out_ += ':';
    first_ = true;
    return *this;
  }
  JsonOut& text(std::string_view value) {
    comma();
    wire::append_quoted(out_, value);
    return *this;
  }
  // A value that is JSON already.
  JsonOut& raw(std::string_view json) {
    comma();
    out_ += json;
    return *this;
  }
  JsonOut& number(std::int64_t value) { return raw(std::to_string(value)); }
  JsonOut& number(double value) { return raw(fmt::format("{}", value)); }
  JsonOut& boolean(bool value) { return raw(value ? "true" : "false"); }

  JsonOut& member(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonOut& member(std::string_view name, const char* value) { return key(name).text(value); }
  JsonOut& member(std::string_view name, std::int64_t value) { return key(name).number(value); }
  JsonOut& member(std::string_view name, double value) { return key(name).number(value); }
  JsonOut& member(std::string_view name, bool value) { return key(name).boolean(value); }
  JsonOut& member_raw(std::string_view name, std::string_view json) { return key(name).raw(json); }

  const std::string& str() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void comma() {
    if (!std::exchange(first_, false)) out_ += ',';
  }
  JsonOut& open(char bracket) {
    comma();
    out_ += bracket;
    first_ = true;
    return *this;
  }
  JsonOut& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }

  std::string out_;
  bool first_ = true;
};

}  // namespace quarterdeck::llm::protocol
