// The hot paths, one at a time: each case prepares what it needs once and gives back the operation to measure.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace quarterdeck::micro {

struct Case {
  std::string name;
  std::function<std::function<void()>()> prepare;
  bool counted = true;  // false: waits for a disk or other threads, so its instructions are not the measure
};

std::vector<Case> cases();

}  // namespace quarterdeck::micro
