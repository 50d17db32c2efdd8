#include "tasks/split.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "starnest/error.h"
#include "tasks/task.h"

namespace starnest::tasks {
namespace {

constexpr std::array<std::string_view, 3> kSplitNames{"train", "development", "test"};
constexpr uint64_t kSplitParts = 50;

}  // namespace

std::string_view name_of(Split split) { return kSplitNames[size_t(split)]; }

Split split_named(std::string_view name) {
  const auto found = std::find(kSplitNames.begin(), kSplitNames.end(), name);
  if (found != kSplitNames.end()) return Split(found - kSplitNames.begin());
  const std::vector<std::string> known(kSplitNames.begin(), kSplitNames.end());
  throw Error({.where = "split", .what = "unknown split", .got = in_quotes(name), .hint = suggest(name, known)});
}

Split split_of(std::string_view canonical) {
  const auto* bytes = reinterpret_cast<const Bytef*>(canonical.data());
  switch (crc32_z(0, bytes, canonical.size()) % kSplitParts) {
    case 0:
      return Split::test;
    case 1:
      return Split::development;
    default:
      return Split::train;
  }
}

bool in_split(const Problem& problem, Split split) {
  return problem.k < task_named(problem.task).info().first_split_k || split_of(problem.canonical()) == split;
}

}  // namespace starnest::tasks
