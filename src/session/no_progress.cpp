#include "session/no_progress.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

namespace quarterdeck::session {
namespace {

std::size_t mixed(std::size_t print, std::string_view text) {
  return print * 1099511628211ULL + std::hash<std::string_view>{}(text) + 1;
}

}  // namespace

void ProgressGuard::add(const std::vector<domain::Part>& parts) {
  Step step{.invalid = true};
  bool called = false;
  for (const domain::Part& part : parts) {
    const auto* call = std::get_if<domain::ToolPart>(&part.content);
    if (!call) continue;
    called = true;
    step.invalid &= call->tool == "invalid";
    const auto& input =
        std::visit([](const auto& state) -> const domain::JsonText& { return state.input; }, call->state);
    step.calls = mixed(mixed(step.calls, call->tool), input.text);
    step.results = mixed(mixed(step.results, call->tool), input.text);
    if (const auto* done = std::get_if<domain::ToolCompleted>(&call->state)) {
      step.results = mixed(step.results, done->output);
    } else if (const auto* error = std::get_if<domain::ToolError>(&call->state)) {
      step.results = mixed(step.results, error->error);
    }
  }
  if (!called) return steps_.clear();
  steps_.push_back(step);
  if (steps_.size() > kPeriodMax * std::max(kBlindCycles, repeats_)) steps_.pop_front();
}

bool ProgressGuard::goes_round(std::size_t period, std::size_t cycles, std::size_t Step::* print) const {
  const std::size_t length = period * cycles;
  if (steps_.size() < length) return false;
  const auto first = steps_.size() - length;
  for (std::size_t i = first + period; i < steps_.size(); ++i) {
    if (steps_[i].*print != steps_[i - period].*print) return false;
  }
  return true;
}

std::optional<std::string> ProgressGuard::stalled() const {
  if (goes_round(1, repeats_, &Step::results)) {
    return fmt::format("Stopped: the last {} steps made the same tool calls with the same results", repeats_);
  }
  for (std::size_t period = 2; period <= kPeriodMax; ++period) {
    if (goes_round(period, kCycles, &Step::results)) {
      return fmt::format("Stopped: the last {} steps repeated the same {} steps with the same results",
                         period * kCycles, period);
    }
  }
  for (std::size_t period = 1; period <= kPeriodMax; ++period) {
    if (goes_round(period, kBlindCycles, &Step::calls)) {
      return fmt::format("Stopped: the last {} steps made the same tool calls over and over", period * kBlindCycles);
    }
  }
  if (steps_.size() >= kInvalidSteps &&
      std::all_of(steps_.end() - kInvalidSteps, steps_.end(), [](const Step& step) { return step.invalid; })) {
    return fmt::format("Stopped: in the last {} steps no tool call could be understood", kInvalidSteps);
  }
  return std::nullopt;
}

}  // namespace quarterdeck::session
