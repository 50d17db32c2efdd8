// `starnest inspect --memory`: which sizes fit, in which format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/inspect_facts.h"
#include "engine/memory_fit.h"

namespace starnest::cli {

struct FitQuestion {
  uint64_t memory = 0;
  uint64_t context = 0;  // 0: the longest that fits
  uint64_t sequences = 1;
};

struct FitRow {
  std::string size;
  std::string format;  // "BF16"; "as stored"
  MemoryNeed need;
  uint64_t longest = 0;  // tokens of each sequence; 0: it does not fit
  Load load = {};        // with the context asked for, else the longest, else the shortest there is
  bool fits = false;
};

struct FitFacts {
  FitQuestion asked;
  std::vector<FitRow> rows;  // largest size first

  const FitRow& least() const;  // what needs least, whether it fits or not
  bool any() const;
};
// Throws Error for a context that the model does not allow.
FitFacts fit_of(const ModelFacts& facts, const FitQuestion& asked);

std::string fit_text(const FitFacts& fit);

}  // namespace starnest::cli
