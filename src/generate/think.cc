#include "generate/think.h"

#include <algorithm>

#include "base/text.h"
#include "generate/generation_config.h"
#include "starnest/error.h"

namespace starnest {
namespace {

std::vector<bool> by_id(const std::vector<int>& ids) {
  std::vector<bool> flags;
  for (const int id : ids) {
    if (size_t(id) >= flags.size()) flags.resize(size_t(id) + 1);
    flags[size_t(id)] = true;
  }
  return flags;
}

void check_ids(const std::string& where, const char* key, const std::vector<int>& ids, size_t vocab) {
  for (const int id : ids)
    if (id < 0 || size_t(id) >= vocab)
      throw Error({.where = where,
                   .what = "key " + in_quotes(key) + " has an id outside the vocabulary",
                   .expected = "0 to " + std::to_string(vocab - 1),
                   .got = std::to_string(id)});
}

// Stopping at a line's end reads naturally in prose.
std::vector<int> ids_with_newline(const Tokenizer& tokenizer) {
  std::vector<int> ids;
  for (size_t id = 0; id < tokenizer.size(); ++id)
    if (tokenizer.token_bytes(TokenId(id)).find('\n') != std::string::npos) ids.push_back(int(id));
  return ids;
}

}  // namespace

bool ends_with(std::span<const TokenId> ids, std::span<const TokenId> suffix) {
  return ids.size() >= suffix.size() &&
         std::equal(suffix.begin(), suffix.end(), ids.end() - std::ptrdiff_t(suffix.size()));
}

std::optional<ThinkTokens> read_think_tokens(const std::filesystem::path& folder, const Tokenizer* tokenizer,
                                             size_t vocab) {
  ThinkTokens tokens;
  std::vector<int> boundary;
  bool has_boundary = false;
  if (const auto config = read_generation_config(folder)) {
    tokens.start = config->find_ints({"think_start_ids"});
    tokens.ends = config->find_int_lists({"think_end_ids"});
    tokens.close = config->find_ints({"think_close_ids"});
    has_boundary = config->has({"think_boundary_token_ids"});
    boundary = config->find_ints({"think_boundary_token_ids"});
  }
  if (tokenizer) {
    const auto open = tokenizer->id_of("<think>"), close = tokenizer->id_of("</think>");
    if (tokens.start.empty() && open) tokens.start = {*open};
    if (tokens.ends.empty() && close) tokens.ends = {{*close}};
    if (!has_boundary) boundary = ids_with_newline(*tokenizer);
  }
  if (tokens.close.empty() && !tokens.ends.empty()) tokens.close = tokens.ends.front();
  if (tokens.start.empty() || tokens.ends.empty()) return std::nullopt;
  const std::string where = (folder / "generation_config.json").string();
  check_ids(where, "think_start_ids", tokens.start, vocab);
  check_ids(where, "think_close_ids", tokens.close, vocab);
  check_ids(where, "think_boundary_token_ids", boundary, vocab);
  for (const std::vector<TokenId>& end : tokens.ends) {
    check_ids(where, "think_end_ids", end, vocab);
    if (end.empty()) throw Error(where, "key 'think_end_ids' has an empty sequence");
  }
  tokens.boundary = by_id(boundary);
  return tokens;
}

std::optional<ThinkEnd> ThinkBudget::end_after(std::span<const TokenId> thinking) const {
  for (const std::vector<TokenId>& end : tokens_.ends)
    if (ends_with(thinking, end)) return ThinkEnd::natural;
  const int n = int(thinking.size());
  if (n >= limits_.limit) return ThinkEnd::forced;
  if (limits_.budget < 0 || n < limits_.budget) return std::nullopt;
  if (n > 0) {
    const size_t last = size_t(thinking.back());
    if (last < tokens_.boundary.size() && tokens_.boundary[last]) return ThinkEnd::boundary;
  }
  if (limits_.budget == 0 || n >= limits_.budget + limits_.grace) return ThinkEnd::forced;
  return std::nullopt;
}

std::vector<TokenId> ThinkBudget::closing(std::span<const TokenId> thinking) const {
  for (size_t written = tokens_.close.size(); written > 0; --written)
    if (ends_with(thinking, std::span(tokens_.close).first(written)))
      return {tokens_.close.begin() + std::ptrdiff_t(written), tokens_.close.end()};
  return tokens_.close;
}

}  // namespace starnest
