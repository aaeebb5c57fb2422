// A session from elsewhere, all of it or a piece: OpenCode's export, or its database.
#pragma once

#include <optional>
#include <vector>

#include "domain/message.hpp"
#include "domain/project.hpp"
#include "domain/session.hpp"

namespace quarterdeck::domain {

struct ImportSession {
  Session info;
  std::optional<Project> project;  // none: what the session's directory is here
  std::vector<MessageWithParts> messages;
};

}  // namespace quarterdeck::domain
