// Thinking: the tokens that open and close it, and the budget that ends it.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "base/dims.h"
#include "format/text/tokenizer.h"
#include "starnest/plan.h"

namespace starnest {

// From generation_config.json (think_start_ids, think_end_ids, think_close_ids, think_boundary_token_ids); what it does
// not say follows from <think>, </think> and the newlines of tokenizer.json.
struct ThinkTokens {
  std::vector<TokenId> start;              // a prompt that ends with these opens thinking
  std::vector<std::vector<TokenId>> ends;  // any of these closes it
  std::vector<TokenId> close;              // what is written to close it by force
  std::vector<bool> boundary;              // by id: where thinking may be stopped; ids beyond the end are none
};

// nullopt when the folder says nothing about thinking.
// Throws Error for an id outside [0, vocab) and for an empty closing sequence.
std::optional<ThinkTokens> read_think_tokens(const std::filesystem::path& folder, const Tokenizer* tokenizer,
                                             size_t vocab);

// Decides when thinking ends. n is the number of thinking tokens so far.
//   a closing sequence at the end of the output: natural
//   n >= limit (the answer's reserve begins): forced
//   budget >= 0 and n >= budget: boundary if the last token is one, forced if n >= budget + grace
// Not thread-safe; `tokens` must outlive it.
class ThinkBudget {
 public:
  struct Limits {
    int budget = -1;  // negative: none
    int grace = 0;
    int limit = 0;  // never more thinking tokens than this
  };
  ThinkBudget(const ThinkTokens& tokens, Limits limits) : tokens_(tokens), limits_(limits) {}

  // How thinking ends before the next token is chosen, given the thinking tokens so far; nullopt while it goes on.
  std::optional<ThinkEnd> end_after(std::span<const TokenId> thinking) const;

  // What is still to be written to close thinking: the closing ids without the longest part that the output ends with.
  std::vector<TokenId> closing(std::span<const TokenId> thinking) const;

 private:
  const ThinkTokens& tokens_;
  Limits limits_;
};

bool ends_with(std::span<const TokenId> ids, std::span<const TokenId> suffix);

}  // namespace starnest
