// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"
#include "domain/model.hpp"

namespace quarterdeck::app {

std::string age(TimeMs now, TimeMs then);          // now, 12s, 5m, 3h, 2d, 6w, 1y; a future time is "now"
std::string duration(std::int64_t ms);             // 0.4s, 12.3s, 2m 05s, 1h 02m
std::string grouped(std::int64_t number);          // 12,345
std::string dollars(double amount);                // $0.00, $0.0034, $1.27
std::string tokens_text(const domain::Tokens& of);  // 1,234 in (1,000 cached), 56 out
std::string bytes_text(std::uint64_t bytes);       // 512 B, 3.4 GB

}  // namespace quarterdeck::app
