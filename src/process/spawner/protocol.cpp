#include "process/spawner/protocol.hpp"

#include <cstring>

namespace quarterdeck::process::spawner {
namespace {

void put_count(std::string& out, std::size_t count) {
  const auto value = static_cast<std::uint32_t>(count);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

bool take_count(std::string_view& in, std::uint32_t& count) {
  if (in.size() < sizeof count) return false;
  std::memcpy(&count, in.data(), sizeof count);
  in.remove_prefix(sizeof count);
  return true;
}

bool take_string(std::string_view& in, std::string& out) {
  const auto end = in.find('\0');
  if (end == std::string_view::npos) return false;
  out = in.substr(0, end);
  in.remove_prefix(end + 1);
  return true;
}

bool take_strings(std::string_view& in, std::vector<std::string>& out) {
  std::uint32_t count = 0;
  if (!take_count(in, count) || count > in.size()) return false;
  out.resize(count);
  for (auto& text : out) {
    if (!take_string(in, text)) return false;
  }
  return true;
}

}  // namespace

std::string pack(const CommandLine& command) {
  std::string out;
  out.append(command.directory).push_back('\0');
  for (const auto* list : {&command.argv, &command.environment}) {
    put_count(out, list->size());
    for (const auto& text : *list) out.append(text).push_back('\0');
  }
  return out;
}

bool unpack(std::string_view bytes, CommandLine& command) {
  return take_string(bytes, command.directory) && take_strings(bytes, command.argv) &&
         take_strings(bytes, command.environment);
}

}  // namespace quarterdeck::process::spawner
