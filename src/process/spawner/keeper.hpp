// One job's guardian: a process of its own between the zygote and the command.
#pragma once

#include <sys/types.h>

#include "base/unique_fd.hpp"
#include "process/spawner/protocol.hpp"

namespace quarterdeck::process::spawner {

struct Job {
  Request request;
  UniqueFd command;  // a memfd with a packed CommandLine
  UniqueFd control;
  UniqueFd output;
  UniqueFd error_output;
  UniqueFd input;
  UniqueFd output_read_end;
  UniqueFd error_read_end;
};

// The life of a keeper: starts the command, reports, guards the tree until it is gone or somebody ends it: an order,
// the end of the server (its end of `control` closes) or of the zygote (`zygote`, by SIGTERM from the kernel).
// Called in a fresh fork with all signals blocked; `signal_fd` tells of SIGCHLD and SIGTERM, `null_fd` is /dev/null.
void keep(Job job, pid_t zygote, int signal_fd, int null_fd);

}  // namespace quarterdeck::process::spawner
