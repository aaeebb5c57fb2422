#include "api/opencode/location.hpp"

#include "wire/json.hpp"

namespace quarterdeck::api::opencode {

std::string location_json(const workspace::Location& location) {
  return fmt::format(R"({{"directory":{},"project":{{"id":{},"directory":{}}}}})",
                     wire::quoted(location.directory.string()), wire::quoted(location.project.id),
                     wire::quoted(location.project.worktree));
}

std::string located(const workspace::Location& location, std::string_view data) {
  return fmt::format(R"({{"location":{},"data":{}}})", location_json(location), data);
}

}  // namespace quarterdeck::api::opencode
