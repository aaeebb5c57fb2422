// The formatters of one directory: what runs over a file after a tool has changed it. Off until the configuration has a
// member "formatter"; then the well-known ones that are installed (format/known.hpp) and those that it names.
//
// Law: a formatter that fails fails nothing else. One that is killed (time over, abort) leaves the file as it was.
// Source: OpenCode 1.18, observed.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/loop.hpp"
#include "base/task.hpp"
#include "config/config.hpp"
#include "process/process.hpp"

namespace quarterdeck::format {

struct FormatterStatus {
  std::string name;
  std::vector<std::string> extensions;
  bool enabled = false;  // it would run: installed, and what the project has to have is there
  bool operator==(const FormatterStatus&) const = default;
};

class Formatters {
 public:
  virtual ~Formatters() = default;
  virtual Task<std::vector<FormatterStatus>> status() = 0;
  // Runs what fits the file's name, one after the other. True when something ran: the file may be another now.
  virtual Task<bool> format(std::filesystem::path file, std::stop_token stop) = 0;
};

// Where formatters work. `trusted`: programs that the project brings, and those that run the project's code, are used.
struct Place {
  std::filesystem::path directory;
  std::filesystem::path worktree;
  bool trusted = false;
};

struct Options {
  Loop& loop;
  BlockingPool& pool;
  process::Processes& processes;
  std::int64_t formatter_ms_max = 15'000;  // one formatter, one file
};

// `configured` absent: none.
std::shared_ptr<Formatters> make_formatters(const Options& options, Place place,
                                            std::optional<config::Named<config::Formatter>> configured);

}  // namespace quarterdeck::format
