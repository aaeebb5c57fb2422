// What goes between the server, the zygote and the keepers.
//
//   server ──Request + descriptors──▶ zygote        one SOCK_SEQPACKET message a job
//   server ──Order──▶ keeper                        the job's own SOCK_SEQPACKET pair
//   server ◀──Report── keeper                       its end of file = the keeper has gone and its tree with it
//
// Both ends are the same build of the same program, so these are plain structs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quarterdeck::process::spawner {

// Descriptors follow in this order: command, control, stdout, [stderr], [stdin], [read end of stdout], [… of stderr].
struct Request {
  bool split_stderr = false;     // a stderr of its own comes along
  bool has_input = false;        // a stdin comes along; otherwise /dev/null
  bool keep_background = false;  // the read ends come along: the keeper empties them after Order::discard_output
  bool is_terminal = false;      // stdout is a terminal: it becomes stdin, stderr and the controlling terminal, too
};
inline constexpr int kDescriptorsMax = 7;

enum class Order : std::uint8_t {
  kill = 'K',            // end the tree and report
  discard_output = 'D',  // the server has read its part: what background children still write is thrown away
};

struct Report {
  enum class Kind : std::uint8_t { started, failed, exited };
  enum class Stage : std::uint8_t { fork, directory, program };
  Kind kind = Kind::started;
  Stage stage = Stage::fork;  // of failed
  std::int32_t error = 0;     // errno of failed
  std::int32_t pid = 0;       // of started
  std::int32_t status = 0;    // of exited, as waitpid gives it
};

// The command line, as it lies in a memfd: too long for a message. Strings end with NUL.
struct CommandLine {
  std::string directory;
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=value
};

std::string pack(const CommandLine& command);
bool unpack(std::string_view bytes, CommandLine& command);

}  // namespace quarterdeck::process::spawner
