// Host: a summary when somebody asks for it.
#include "session/host.hpp"

namespace quarterdeck::session {

using namespace domain;

Task<Result<void>> Host::summarize(SessionId id, Summarize command) {
  Prompt asking{.model = std::move(command.model)};
  asking.parts.push_back({.content = CompactionPart{.automatic = command.automatic}});
  CO_TRY(MessageId admitted, co_await prompt(id, std::move(asking)));
  [[maybe_unused]] const auto last = co_await answer(std::move(id), std::move(admitted));
  co_return Result<void>();
}

}  // namespace quarterdeck::session
