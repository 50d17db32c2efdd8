// Exact costs of many cells of one grid, fast: a cost is a sum over blocks, and each block depends on few lists.
#pragma once

#include <unordered_map>

#include "train/router/chains.h"
#include "train/router/soft_size.h"

namespace starnest::train {

// Remembers what each block costs for every combination of its lists that was asked for. Not thread-safe.
class CellCosts {
 public:
  CellCosts(const ModelSpec& spec, const Choices& choices, const CostMeasure& of);

  double of(const Cell& cell) const;  // what exact_cost (soft_size.h) gives for its widths
  // What `cell` costs more with `choice` in one list.
  double change(const Cell& cell, size_t list, size_t choice) const;

 private:
  struct Part {
    std::vector<size_t> lists;  // that its cost depends on
    mutable std::unordered_map<uint64_t, double> known;
  };

  bool keeps(const Cell& cell, size_t part) const;
  // `list` as if it had `choice`.
  double of_part(size_t part, const Cell& cell, size_t list, size_t choice) const;

  ModelSpec spec_;
  Choices choices_;
  CostMeasure of_;
  SizeCosts costs_;
  std::vector<Part> parts_;                      // the blocks, then what belongs to none
  std::vector<std::vector<size_t>> parts_with_;  // each list but depth
};

}  // namespace starnest::train
