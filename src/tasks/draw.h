// What drawing problems needs besides numbers: orders.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/rng.h"

namespace starnest::tasks {

// Fisher-Yates, so that the order depends on `rng` only and not on the standard library.
template <class Sequence>
void shuffle(Sequence& items, Rng& rng) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng.below(i)]);
}

inline std::string shuffled(std::string text, Rng& rng) {
  shuffle(text, rng);
  return text;
}

// With commas between.
inline std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

}  // namespace starnest::tasks
