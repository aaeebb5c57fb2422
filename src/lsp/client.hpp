// A conversation with one language server: its start, the files it is told of, what it finds in them, its answers.
// Source: LSP 3.17; what is asked and how long is waited follows OpenCode 1.18.
//
//   open ─▶ tell(file) … settled(file) ─▶ diagnostics()        one document: didOpen, then didChange with the whole text
//
// Laws: every request ends: with its answer, its time, or the end of the server. At most 64 documents are open.
//       What the server says is bounded: 16 MB a message, 2,000 files, 1,000 diagnostics each. On the loop.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "lsp/diagnostic.hpp"
#include "lsp/framing.hpp"
#include "rpc/child.hpp"
#include "rpc/jsonrpc.hpp"

namespace quarterdeck::lsp {

struct ClientOptions {
  std::string id;  // "clangd"
  std::filesystem::path root;
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  domain::JsonText initialization{"{}"};
  std::string owner;  // of its processes
  // tsserver's first list comes before it has looked: it is taken, but does not end a wait.
  bool first_list_is_empty_talk = false;
  std::int64_t start_ms_max = 45'000;
};

enum class Saved { no, yes };

// A text that the server was told of.
struct Told {
  std::int64_t version = 0;
  std::int64_t at_ms = 0;
};

class Client {
 public:
  // `ended`: it has gone by itself.
  Client(Loop& loop, BlockingPool& pool, process::Processes& processes, ClientOptions options,
         std::function<void(Error)> ended);
  ~Client();

  // Errors: `not_found`, `unavailable` (it ended), `invalid` (it does not speak the protocol, or not in time).
  Task<Result<void>> open();
  // Tells it what is in the file now. Nothing: there is no such text file (any more), which it is told, too.
  Task<std::optional<Told>> tell(std::filesystem::path file, Saved saved);
  // Tells it of open files that others have changed on disk.
  Task<void> refresh();
  // Waits for what it finds in the file, until `deadline_ms` (monotonic). False when it said nothing.
  Task<bool> settled(std::filesystem::path file, Told told, std::int64_t deadline_ms);
  // In the order in which the files were first named.
  std::vector<FileDiagnostics> diagnostics() const;
  // Errors: as open(), and `not_found`: it does not know the method.
  Task<Result<domain::JsonText>> ask(std::string method, domain::JsonText params, std::int64_t timeout_ms);
  Task<void> close();
  // Ends a start that is under way; close() is still to come.
  void abandon();

 private:
  using Answer = Result<domain::JsonText>;
  struct Waiting {
    OneShot<Answer>::Setter setter;
    std::string method;
    std::unique_ptr<Loop::Handle> timer;
  };
  struct Document {
    std::int64_t version = 0;
    Position end;  // of the text that the server has
    std::pair<std::int64_t, std::uintmax_t> stamp;
    std::size_t hash = 0;
    std::int64_t told_ms = 0;
    std::uint64_t ticket = 0;
    std::uint64_t used = 0;
  };
  struct Published {
    std::int64_t at_ms = 0;
    std::optional<std::int64_t> version;
  };
  struct Found {
    std::uint64_t order = 0;
    std::optional<std::vector<Diagnostic>> pushed;
    std::optional<std::vector<Diagnostic>> pulled;
  };

  void on_bytes(std::string_view bytes);
  void on_message(std::string_view json);
  void on_ended(Error why);
  void on_diagnostics(const rpc::RpcMessage& message);
  void answer_request(const rpc::RpcMessage& request);
  void registered(const rpc::RpcMessage& request, bool adding);
  void notify(std::string_view method, domain::JsonText params);
  void send(std::string json);
  void settle(std::int64_t id, Answer answer);
  void give_up(Error why);
  void wake();
  Found* found_in(const std::filesystem::path& file);
  Task<void> changed_or(std::int64_t wait_ms);
  Task<bool> pull(std::filesystem::path file, std::int64_t deadline_ms);
  bool fresh(const std::filesystem::path& file, const Told& told) const;
  void close_document(const std::filesystem::path& file);
  void close_least_used();
  bool offers_pull() const { return offers_pull_ || !registrations_.empty(); }

  Loop& loop_;
  BlockingPool& pool_;
  ClientOptions options_;
  std::function<void(Error)> ended_;
  rpc::Child child_;
  Unframer unframer_;
  std::optional<Error> closed_;
  bool open_ = false;  // the handshake is done
  std::int64_t next_id_ = 1;
  std::map<std::int64_t, Waiting> waiting_;

  bool incremental_ = false;
  bool wants_saves_ = false;
  bool wants_text_with_saves_ = false;
  bool offers_pull_ = false;
  std::map<std::string, std::string> registrations_;  // of pulls: id → identifier

  std::map<std::filesystem::path, Document> documents_;
  std::map<std::filesystem::path, Published> published_;
  std::map<std::filesystem::path, Found> found_;
  std::uint64_t counter_ = 0;
  std::vector<OneShot<Unit>::Setter> watchers_;
};

std::int64_t monotonic_ms();
std::string uri_of(const std::filesystem::path& file);
// Nothing for what is no file.
std::optional<std::filesystem::path> file_of(std::string_view uri);

}  // namespace quarterdeck::lsp
