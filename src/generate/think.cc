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

void check_ids(const std::string& what, const std::vector<int>& ids, size_t vocab) {
  for (const int id : ids)
    if (id < 0 || size_t(id) >= vocab)
      throw Error({.where = what,
                   .what = "an id is outside the vocabulary of the model",
                   .expected = "0 to " + std::to_string(vocab - 1),
                   .got = std::to_string(id)});
}

template <class Test>
std::vector<int> ids_where(const Tokenizer& tokenizer, const Test& test) {
  std::vector<int> ids;
  for (size_t id = 0; id < tokenizer.size(); ++id)
    if (test(tokenizer.token_bytes(TokenId(id)))) ids.push_back(int(id));
  return ids;
}

constexpr std::string_view kSpace = " \t\n\r\f\v";

bool is_blank(std::string_view text) { return text.find_first_not_of(kSpace) == std::string_view::npos; }
bool has(const std::vector<bool>& flags, TokenId id) { return size_t(id) < flags.size() && flags[size_t(id)]; }

// Empty where the vocabulary cannot spell it, and so the model cannot write it.
std::vector<TokenId> spelled(const Tokenizer& tokenizer, std::string_view tag) {
  if (const auto id = tokenizer.id_of(tag)) return {*id};
  try {
    return tokenizer.encode(tag, {.add_special_tokens = false});
  } catch (const Error&) {
    return {};
  }
}

// What the folder leaves out, from the tokenizer.
void complete(ThinkTokens& tokens, const Tokenizer& tokenizer, std::string_view chat_template) {
  const bool are_tokens = tokenizer.id_of(kThinkTag) && tokenizer.id_of(kThinkEndTag);
  const bool are_text = !are_tokens && chat_template.find(kThinkTag) != std::string_view::npos &&
                        chat_template.find(kThinkEndTag) != std::string_view::npos;
  if (are_text && tokens.start.empty() && tokens.ends.empty()) tokens.spelling = tokenizer;
  if (are_tokens || are_text) {
    if (tokens.start.empty()) tokens.start = spelled(tokenizer, kThinkTag);
    if (tokens.ends.empty())
      if (std::vector<TokenId> end = spelled(tokenizer, kThinkEndTag); !end.empty()) tokens.ends = {std::move(end)};
  }
  tokens.blank = by_id(ids_where(tokenizer, [](const std::string& b) { return !b.empty() && is_blank(b); }));
  // The line break that prompts put behind the tag is no part of it: a thought may go on otherwise.
  if (are_tokens && tokens.start.size() > 1 && tokens.start.front() == *tokenizer.id_of(kThinkTag) &&
      std::all_of(tokens.start.begin() + 1, tokens.start.end(), [&](TokenId id) { return has(tokens.blank, id); }))
    tokens.start.resize(1);
  for (const std::vector<TokenId>& end : tokens.ends)
    if (std::none_of(end.begin(), end.end(), [&](TokenId id) { return tokenizer.is_special(id); }))
      if (std::string text = tokenizer.decode(end, /*skip_special=*/true); !text.empty())
        tokens.visible_ends.push_back(std::move(text));
}

// Bytes of tokens, and where each token's begin.
struct Spelling {
  std::string bytes;
  std::vector<size_t> starts;

  Spelling(const Tokenizer& tokenizer, std::span<const TokenId> ids) {
    for (const TokenId id : ids) {
      starts.push_back(bytes.size());
      bytes += tokenizer.token_bytes(id);
    }
  }
  // Index of the token that holds byte `at`.
  size_t token_at(size_t at) const {
    return size_t(std::upper_bound(starts.begin(), starts.end(), at) - starts.begin()) - 1;
  }
};

std::optional<OpenThought> open_in_text(const Tokenizer& tokenizer, std::span<const TokenId> ids) {
  const Spelling text(tokenizer, ids);
  const size_t open = text.bytes.rfind(kThinkTag);
  if (open == std::string::npos || text.bytes.find(kThinkEndTag, open) != std::string::npos) return std::nullopt;
  return OpenThought{text.token_at(open), text.token_at(open + kThinkTag.size() - 1) + 1};
}

std::optional<OpenThought> open_in_ids(const ThinkTokens& tokens, std::span<const TokenId> ids) {
  const std::span<const TokenId> start = tokens.start;
  for (size_t end = ids.size(); end > 0; --end) {
    const std::span<const TokenId> before = ids.first(end);
    for (const std::vector<TokenId>& tag : tokens.ends)
      if (ends_with(before, tag)) return std::nullopt;
    if (ends_with(before, start)) return OpenThought{end - start.size(), end};
  }
  return std::nullopt;
}

// Whether the last token completes a closing tag.
bool is_closed(const ThinkTokens& tokens, std::span<const TokenId> thought) {
  if (!tokens.spelling)
    return std::any_of(tokens.ends.begin(), tokens.ends.end(),
                       [&](const auto& end) { return ends_with(thought, end); });
  if (thought.empty()) return false;
  const Spelling tail(*tokens.spelling, thought.last(std::min(thought.size(), kThinkEndTag.size())));
  const size_t at = tail.bytes.rfind(kThinkEndTag);
  return at != std::string::npos && at + kThinkEndTag.size() > tail.starts.back();
}

}  // namespace

bool ends_with(std::span<const TokenId> ids, std::span<const TokenId> suffix) {
  return ids.size() >= suffix.size() &&
         std::equal(suffix.begin(), suffix.end(), ids.end() - std::ptrdiff_t(suffix.size()));
}

std::optional<ThinkTokens> read_think_tokens(const std::filesystem::path& folder, const Tokenizer* tokenizer,
                                             size_t vocab, std::string_view chat_template) {
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
  const std::string key = (folder / "generation_config.json").string() + ": key ";
  for (const std::vector<TokenId>& end : tokens.ends) {
    check_ids(key + "'think_end_ids'", end, vocab);
    if (end.empty())
      throw Error((folder / "generation_config.json").string(), "key 'think_end_ids' has an empty sequence");
  }
  check_ids(key + "'think_start_ids'", tokens.start, vocab);
  check_ids(key + "'think_close_ids'", tokens.close, vocab);
  check_ids(key + "'think_boundary_token_ids'", boundary, vocab);
  if (tokenizer) complete(tokens, *tokenizer, chat_template);
  if (tokens.start.empty() || tokens.ends.empty()) return std::nullopt;
  if (tokens.close.empty()) tokens.close = tokens.ends.front();
  const std::string words = (folder / "tokenizer.json").string() + ": ";
  check_ids(words + in_quotes(kThinkTag), tokens.start, vocab);
  check_ids(words + in_quotes(kThinkEndTag), tokens.close, vocab);
  if (!has_boundary && tokenizer)  // stopping at a line's end reads naturally in prose
    boundary = ids_where(*tokenizer, [](const std::string& bytes) { return bytes.find('\n') != std::string::npos; });
  tokens.boundary = by_id(boundary);
  return tokens;
}

std::optional<OpenThought> open_thought(const ThinkTokens& tokens, std::span<const TokenId> text) {
  const auto is_break = [&](TokenId id) {
    return std::find(tokens.breaks.begin(), tokens.breaks.end(), id) != tokens.breaks.end();
  };
  const size_t behind = size_t(text.rend() - std::find_if(text.rbegin(), text.rend(), is_break));
  const std::span<const TokenId> last = text.subspan(behind);
  std::optional<OpenThought> open = tokens.spelling ? open_in_text(*tokens.spelling, last) : open_in_ids(tokens, last);
  if (open) open->tag += behind, open->begin += behind;
  return open;
}

Opening opening_of(const ThinkTokens& tokens, std::span<const TokenId> written) {
  if (tokens.spelling) {
    const Spelling text(*tokens.spelling, written);
    const std::string_view bytes =
        std::string_view(text.bytes).substr(std::min(text.bytes.find_first_not_of(kSpace), text.bytes.size()));
    return bytes.starts_with(kThinkTag) ? Opening::done : kThinkTag.starts_with(bytes) ? Opening::begun : Opening::none;
  }
  const auto first = std::find_if(written.begin(), written.end(), [&](TokenId id) { return !has(tokens.blank, id); });
  const size_t count = size_t(written.end() - first);
  if (count > tokens.start.size() || !std::equal(first, written.end(), tokens.start.begin())) return Opening::none;
  return count == tokens.start.size() ? Opening::done : Opening::begun;
}

std::optional<ThinkEnd> ThinkBudget::end_after(std::span<const TokenId> thought, size_t written) const {
  if (written > 0 && is_closed(tokens_, thought)) return ThinkEnd::natural;
  const int n = int(written);
  if (n >= limits_.limit) return ThinkEnd::forced;
  if (limits_.budget < 0 || n < limits_.budget) return std::nullopt;
  if (n > 0 && has(tokens_.boundary, thought.back())) return ThinkEnd::boundary;
  if (limits_.budget == 0 || n >= limits_.budget + limits_.grace) return ThinkEnd::forced;
  return std::nullopt;
}

std::vector<TokenId> ThinkBudget::closing(std::span<const TokenId> written) const {
  for (size_t begun = tokens_.close.size(); begun > 0; --begun)
    if (ends_with(written, std::span(tokens_.close).first(begun)))
      return {tokens_.close.begin() + std::ptrdiff_t(begun), tokens_.close.end()};
  return tokens_.close;
}

}  // namespace starnest
