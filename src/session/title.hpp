// A short title for a session, made by the small model from the first prompt.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/task.hpp"
#include "session/engine.hpp"
#include "session/instance.hpp"

namespace quarterdeck::session {

// Nothing when no model could be asked or it said nothing usable; then the default title stays.
Task<std::optional<std::string>> make_title(Engine& engine, const Instance& instance, domain::ModelRef fallback,
                                            std::string prompt_text, std::stop_token stop);

}  // namespace quarterdeck::session
