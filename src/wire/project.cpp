#include "wire/project.hpp"

#include "wire/codec.hpp"

namespace quarterdeck::domain {

template <class Io>
void describe(Io& io, Project& project) {
  io.field("id", project.id);
  io.field("worktree", project.worktree);
  io.field("vcs", project.vcs);
  io.field("name", project.name);
  io.field("icon", project.icon);
  io.field("commands", project.commands);
  io.object("time", [&](auto& time) {
    time.field("created", project.created);
    time.field("updated", project.updated);
  });
  io.field("sandboxes", project.sandboxes);
}

}  // namespace quarterdeck::domain

namespace quarterdeck::wire {

std::string encode_project(const domain::Project& project) { return encode(project); }
Result<domain::Project> decode_project(std::string_view json) { return decode_text<domain::Project>(json); }

}  // namespace quarterdeck::wire
