#include "tasks/grader.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tasks/vocabulary.h"

namespace starnest::tasks {

std::optional<std::string_view> answer_in(std::string_view output) {
  constexpr std::string_view kClose = "</think>";
  const std::string_view written = output.substr(0, output.find("<eos>"));
  const size_t close = written.rfind(kClose);
  if (close == std::string_view::npos) return std::nullopt;
  return written.substr(close + kClose.size());
}

std::optional<std::span<const TokenId>> answer_in(std::span<const TokenId> output) {
  const auto written = output.first(size_t(std::find(output.begin(), output.end(), kEos) - output.begin()));
  const auto close = std::find(written.rbegin(), written.rend(), kEndThink);
  if (close == written.rend()) return std::nullopt;
  return written.last(size_t(close - written.rbegin()));
}

bool is_right(std::string_view output, std::string_view answer) { return answer_in(output) == answer; }

bool is_right(std::span<const TokenId> output, std::string_view answer) {
  const std::vector<TokenId> expected = encode(answer);
  const auto found = answer_in(output);
  return found && std::ranges::equal(*found, expected);
}

}  // namespace starnest::tasks
