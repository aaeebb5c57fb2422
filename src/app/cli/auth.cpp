#include <termios.h>
#include <unistd.h>

#include "app/cli/commands.hpp"
#include "app/cli/on_loop.hpp"
#include "app/cli/output.hpp"
#include "app/cli/table.hpp"
#include "app/cli/terminal.hpp"
#include "base/clock.hpp"
#include "config/credentials.hpp"
#include "llm/catalogue.hpp"

namespace quarterdeck::app {
namespace {

constexpr std::size_t kKeyBytesMax = 64 * 1024;

// What is typed is not shown; back to how it was when this goes.
class Unseen {
 public:
  Unseen() : terminal_(::isatty(STDIN_FILENO) && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!terminal_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~Unseen() {
    if (terminal_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
  bool terminal() const { return terminal_; }

 private:
  termios before_{};
  bool terminal_;
};

// The first line of standard input.
std::string read_key(const std::string& provider) {
  const Unseen unseen;
  if (unseen.terminal()) write_all(STDERR_FILENO, fmt::format("Key of {}: ", provider));
  std::string key;
  for (char c = 0; key.size() < kKeyBytesMax && ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n';) key += c;
  if (unseen.terminal()) write_all(STDERR_FILENO, "\n");
  const auto first = key.find_first_not_of(" \t\r");
  if (first == std::string::npos) return {};
  return key.substr(first, key.find_last_not_of(" \t\r") - first + 1);
}

// A server that runs reads its providers again; one that does not will when it starts.
Task<int> tell_server(Connected with) {
  Client::Call call{.method = "POST", .path = "/instance/dispose"};
  [[maybe_unused]] const auto told = co_await with.client.call(std::move(call));
  co_return kExitOk;
}

int say(const std::string& text) { return write_all(STDOUT_FILENO, text) ? kExitOk : kExitFailed; }

int fail_with(std::string_view why) {
  complain(why);
  return kExitFailed;
}

int list(const AuthOptions& options, const Places& places) {
  const auto stored = config::read_credentials(places);
  if (!stored) return fail_with(stored.error().message);
  const auto environment = config::process_environment();
  wire::JsonArray rows;
  Table table({"PROVIDER", "KIND", "WHERE"});
  const auto add = [&](const std::string& provider, const std::string& kind, const std::string& where) {
    rows.push_back(wire::JsonObject{{"provider", provider}, {"type", kind}, {"source", where}});
    table.add({{harmless(provider)}, {harmless(kind)}, {harmless(where)}});
  };
  for (const auto& [provider, credential] : *stored) {
    const auto kind = config::type_of(credential);
    add(provider, kind.empty() ? "unknown" : kind, "auth.json");
  }
  for (const auto& provider : llm::builtin_catalogue()) {
    for (const auto& name : provider.env) {
      if (const auto value = environment(name); value && !value->empty()) add(provider.id, "env", name);
    }
  }
  if (options.format == Format::json) return say(wire::to_text(rows) + "\n");
  if (rows.empty()) {
    complain("no credentials; quarterdeck auth login PROVIDER stores one");
    return kExitOk;
  }
  return say(table.text(style_of(STDOUT_FILENO)));
}

}  // namespace

int auth(const AuthOptions& options) {
  const Places places = Places::from_environment();
  if (options.action == AuthOptions::Action::list) return list(options, places);
  std::string said;
  if (options.action == AuthOptions::Action::login) {
    const auto key = read_key(options.provider);
    if (key.empty()) return fail_with("no key was given; it is read from standard input");
    const auto stored = config::store_credential(places, options.provider, config::api_credential(key));
    if (!stored) return fail_with(stored.error().message);
    said = fmt::format("stored a key for {}\n", options.provider);
  } else {
    const auto removed = config::remove_credential(places, options.provider);
    if (!removed) return fail_with(removed.error().message);
    if (!*removed) return fail_with(fmt::format("there is no stored key for {}", options.provider));
    said = fmt::format("removed the key of {}\n", options.provider);
  }
  on_loop(options.target, tell_server);
  return say(said);
}

}  // namespace quarterdeck::app
