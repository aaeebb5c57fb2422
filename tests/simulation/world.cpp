#include "world.hpp"

#include <array>
#include <cstdio>

namespace quarterdeck::simulation {

const std::vector<std::pair<std::string_view, Sabotage>>& sabotages() {
  static const std::vector<std::pair<std::string_view, Sabotage>> all{
      {"none", Sabotage::none},
      {"ack_before_commit", Sabotage::ack_before_commit},
      {"lost_queue", Sabotage::lost_queue},
      {"reversed_queue", Sabotage::reversed_queue},
      {"forgotten_step", Sabotage::forgotten_step},
      {"forgotten_requests", Sabotage::forgotten_requests},
      {"forgotten_questions", Sabotage::forgotten_questions},
      {"untold_task", Sabotage::untold_task},
      {"forgotten_turn", Sabotage::forgotten_turn},
      {"unpublished_event", Sabotage::unpublished_event},
      {"effect_before_asking", Sabotage::effect_before_asking},
      {"deaf_tool", Sabotage::deaf_tool},
      {"deaf_model", Sabotage::deaf_model},
      {"surviving_process", Sabotage::surviving_process},
      {"number_used_twice", Sabotage::number_used_twice},
  };
  return all;
}

Profile::Profile(Dice& dice) {
  constexpr std::array storms{0, 0, 50, 200, 500};
  constexpr std::array<std::int64_t, 4> pool_delays{0, 1, 20, 2'000};
  constexpr std::array<std::int64_t, 4> commit_delays{0, 2, 30, 3'000};
  constexpr std::array<std::int64_t, 4> pauses{0, 50, 2'000, 60'000};
  constexpr std::array crash_chances{0, 2, 5, 20};
  model_fault = dice.pick(storms);
  disk_full = dice.chance(350) ? 40 : 0;
  crash = dice.pick(crash_chances);
  crash_at_commit = dice.chance(500) ? 30 : 0;
  planned_restart = dice.chance(300) ? 500 : 0;
  asking = dice.pick(storms) * 2;
  clock_jump = dice.chance(200) ? 100 : 0;
  crashes_max = static_cast<int>(dice.between(0, 6));
  sessions = static_cast<int>(dice.between(1, 4));
  operations = static_cast<int>(dice.between(5, 40));
  pool_delay_ms = dice.pick(pool_delays);
  commit_delay_ms = dice.pick(commit_delays);
  pause_ms = dice.pick(pauses);
  order = dice.chance(500) ? Order::shuffled : Order::as_posted;
  recovery = dice.chance(250) ? session::Recovery::end : session::Recovery::resume;
}

World::World(std::uint64_t seed_number, bool print_trace, Sabotage mistake)
    : seed(seed_number), dice(seed_number), sabotage(mistake), profile(dice), print_trace_(print_trace) {}

Dice World::dice_for(std::uint64_t number, std::uint64_t step) const {
  Dice mixed(seed * 0x9e3779b97f4a7c15 + number * 1'000'003 + step);
  mixed.next();
  return mixed;
}

int World::number_of(const std::string& place) {
  return numbers_.try_emplace(place, kFirstTask + static_cast<int>(numbers_.size())).first->second;
}

void World::effect(const std::string& key) {
  note("effect {}", key);
  if (++effects[key] > 1) violation("the side effect {} happened {} times", key, effects[key]);
  if (rejected.contains(key)) violation("the side effect {} happened although it was refused", key);
}

void World::add_to_trace(const std::string& line) {
  const std::string entry = fmt::format("{:>9} {}", now_ms, line);
  for (const char c : entry) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  if (print_trace_) std::printf("%s\n", entry.c_str());
}

void World::add_violation(std::string text) {
  note("VIOLATION {}", text);
  if (violations.size() < 20) violations.push_back(fmt::format("at {} ms: {}", now_ms, text));
}

}  // namespace quarterdeck::simulation
