// A fork from a checkpoint: the files as they were in a worktree of their own, and what was said until then.
#include "session/fork.hpp"
#include "fleet/fleet.hpp"
#include "fleet/work.hpp"

namespace quarterdeck::fleet {

using namespace domain;
using workspace::Checkpoint;

namespace {

// The first message after the checkpoint. A checkpoint that names no message has its time, in whole seconds.
std::optional<MessageId> after(const std::vector<MessageWithParts>& history, const Checkpoint& checkpoint) {
  bool found = false;
  for (const MessageWithParts& message : history) {
    const MessageId& id = id_of(message.info);
    if (found) return id;
    if (id.value == checkpoint.message) found = true;
    const auto* asked = std::get_if<UserMessage>(&message.info);
    if (checkpoint.message.empty() && asked && asked->created >= (checkpoint.at + 1) * 1'000) return id;
  }
  return std::nullopt;
}

}  // namespace

Task<Result<ForkedSession>> Fleet::fork(SessionId id, ForkAt at) {
  CO_TRY(const Session original, engine_.query.session(id));
  CO_TRY(const Checkpoint from, co_await named(engine_, id, at.checkpoint));
  store::Query& query = engine_.query;
  auto load = [&query, id] { return query.history(id); };
  CO_TRY(const auto history, co_await blocking(engine_.loop, engine_.pool, load));

  const session::ForkInto nowhere{engine_.ids.session(), {}};
  auto look = [places = engine_.places, id] { return workspace::record_of(places, id); };
  const auto own = co_await blocking(engine_.loop, engine_.pool, look);
  workspace::WorktreeWish wish{.session = nowhere.id,
                               .project = own ? own->main : original.directory,
                               .title = at.title.value_or(original.title),
                               .branch = std::move(at.branch),
                               .base = from.kind == "commit" ? from.id : from.head};
  CO_TRY(const workspace::SessionWorktree worktree, co_await upkeep_.make_worktree(std::move(wish)));

  session::ForkInto into{nowhere.id, worktree.directory};
  std::optional<MessageId> before =
      from.kind == "start" && !history.empty() ? std::optional(id_of(history[0].info)) : after(history, from);
  CO_TRY_VOID(co_await host_.fork(id, std::move(before), std::move(into)));
  if (from.kind != "commit") CO_TRY_VOID(co_await host_.take_files(id, from.id, nowhere.id));

  CO_TRY(const Standing standing, read_standing(engine_.query, id));
  StandingChange change{
      .title = at.title, .priority = at.priority.value_or(standing.priority), .labels = standing.labels};
  change.owner.emplace(standing.owner);
  CO_TRY_VOID(co_await this->change(nowhere.id, std::move(change)));
  ForkedSession forked{.session = nowhere.id, .directory = worktree.directory, .branch = worktree.branch};
  if (at.text) {
    Prompt prompt;
    prompt.parts.push_back({.content = TextPart{.text = *at.text}});
    CO_TRY(forked.prompt, co_await host_.prompt(nowhere.id, std::move(prompt)));
  }
  co_return forked;
}

}  // namespace quarterdeck::fleet
