// Thinking: the tokens that open and close it, and the budget that ends it.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dims.h"
#include "format/text/tokenizer.h"
#include "starnest/plan.h"

namespace starnest {

// From generation_config.json (think_start_ids, think_end_ids, think_close_ids, think_boundary_token_ids); what it does
// not say follows from <think>, </think> and the newlines of tokenizer.json.
struct ThinkTokens {
  std::vector<TokenId> start;              // open a thought
  std::vector<std::vector<TokenId>> ends;  // any of these closes it
  std::vector<TokenId> close;              // what is written to close it by force
  std::vector<bool> boundary;              // by id: where thinking may be stopped; ids beyond the end are none
  std::vector<bool> blank = {};            // by id: white space alone
  std::vector<TokenId> breaks = {};        // no thought reaches across these: the ends of a turn and of a text
  // Where the tags are ordinary text, whose tokens depend on what stands beside it: they are looked for in the text
  // of the tokens, and `start` and `ends` say one way to write them.
  std::optional<Tokenizer> spelling = {};
  std::vector<std::string> visible_ends = {};  // texts of `ends` that are not special tokens
};

inline constexpr std::string_view kThinkTag = "<think>", kThinkEndTag = "</think>";

// nullopt when the folder says nothing about thinking. Tags that tokenizer.json has no token for count where
// `chat_template` names them.
// Throws Error for an id outside [0, vocab) and for an empty closing sequence.
std::optional<ThinkTokens> read_think_tokens(const std::filesystem::path& folder, const Tokenizer* tokenizer,
                                             size_t vocab, std::string_view chat_template);

struct OpenThought {
  size_t tag = 0;    // index of the first token of the opening tag
  size_t begin = 0;  // ... of what follows the tag
};

// The thought that `text` leaves open: its last opening tag, when neither an end nor a break follows it.
std::optional<OpenThought> open_thought(const ThinkTokens& tokens, std::span<const TokenId> text);

enum class Opening {
  none,   // an answer
  begun,  // so far nothing but what may become an opening tag, or white space
  done,   // the opening tag, behind white space at most
};
// How `written` begins: all that a model has written behind a prompt that leaves no thought open.
Opening opening_of(const ThinkTokens& tokens, std::span<const TokenId> written);

// Decides when thinking ends. n is the number of thinking tokens that the model has written.
//   a closing sequence at the end of the thought: natural
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

  // How thinking ends before the next token is chosen; nullopt while it goes on. The last `written` tokens of the
  // thought are the model's; those before them stand in the prompt.
  std::optional<ThinkEnd> end_after(std::span<const TokenId> thought, size_t written) const;

  // What is still to be written to close thinking: the closing ids without the longest part that `written`, the model's
  // own part of the thought, ends with.
  std::vector<TokenId> closing(std::span<const TokenId> written) const;

  const Limits& limits() const { return limits_; }

 private:
  const ThinkTokens& tokens_;
  Limits limits_;
};

bool ends_with(std::span<const TokenId> ids, std::span<const TokenId> suffix);

}  // namespace starnest
