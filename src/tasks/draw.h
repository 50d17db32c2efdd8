// What drawing problems needs besides numbers: texts in another order, lists.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"

namespace starnest::tasks {

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
