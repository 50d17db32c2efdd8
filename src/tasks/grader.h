// Exact match of an answer.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/dims.h"

namespace starnest::tasks {

// What follows the last </think>, up to the first <eos> or the end. Nothing when thinking was never closed, or closed
// only after <eos>. The input may be a whole sample or start anywhere before that </think>. A missing <eos> is not a
// fault: a run may stop at its token limit.
std::optional<std::string_view> answer_in(std::string_view output);
std::optional<std::span<const TokenId>> answer_in(std::span<const TokenId> output);

// Whether the answer in `output` is exactly `answer`. The ids may be any numbers. Throws Error when `answer` itself has
// characters without tokens (ids only).
bool is_right(std::string_view output, std::string_view answer);
bool is_right(std::span<const TokenId> output, std::string_view answer);

}  // namespace starnest::tasks
