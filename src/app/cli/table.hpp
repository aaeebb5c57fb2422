// Columns that line up. The last two give way when the terminal is narrow; without a terminal nothing is cut.
#pragma once

#include <string>
#include <vector>

#include "app/cli/terminal.hpp"

namespace quarterdeck::app {

struct Cell {
  std::string text;
  Paint paint = Paint::plain;
};

class Table {
 public:
  explicit Table(std::vector<std::string> head) : head_(std::move(head)) {}
  // As many cells as the head has.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  std::string text(const Style& style) const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace quarterdeck::app
