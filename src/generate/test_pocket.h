// For tests only: the small model that ships with the project, and texts for it.
#pragma once

#include <string>
#include <vector>

#include "starnest/family.h"

namespace starnest {

inline const std::string kPocket = std::string(STARNEST_SOURCE_DIR) + "/models/pocket";

inline Family open_pocket(OpenOptions options = {}) {
  options.threads = 1;
  return Family::open(kPocket, options);
}

inline const Family& pocket() {
  static const Family kFamily = open_pocket();
  return kFamily;
}

// A question behind other text, `tokens` in all.
inline std::vector<TokenId> long_prompt(const Family& family, size_t tokens) {
  const std::vector<TokenId> question = family.prompt("r:a5b+3c*7d-2e+4f*3?"), step = family.encode("a5b+3c*7d-2");
  std::vector<TokenId> ids;
  while (ids.size() + question.size() < tokens) ids.push_back(step[ids.size() * 5 % step.size()]);
  ids.insert(ids.end(), question.begin(), question.end());
  return ids;
}

}  // namespace starnest
