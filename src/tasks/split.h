// Which problems a model may learn from. The split follows from the problem alone, so every program agrees on it.
#pragma once

#include <string_view>

#include "tasks/sample.h"

namespace starnest::tasks {

enum class Split { train, development, test };

std::string_view name_of(Split split);     // "train", "development", "test"
Split split_named(std::string_view name);  // throws Error with a suggestion

// CRC-32 (zlib) of "task:body" modulo 50: 0 is test, 1 is development, the rest is train.
Split split_of(std::string_view canonical);

// Whether `problem` may be used for `split`. Below the task's first_split_k (r: k = 1, 210 problems in all) every
// problem is in every split: holding some back would leave too few. So report results from first_split_k upward only.
bool in_split(const Problem& problem, Split split);

}  // namespace starnest::tasks
