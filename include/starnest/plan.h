// Which size thinks, which size answers, and for how long.
#pragma once

#include <cstdint>
#include <string>

namespace starnest {

// An empty size means: the family's default plan, else its largest size.
struct Plan {
  std::string think_size = {};
  std::string answer_size = {};
  int think_budget = -1;    // tokens; 0: none at all, negative: no limit of its own
  int think_grace = 64;     // tokens beyond the budget in which thinking may stop at a boundary; >= 0
  int answer_reserve = -1;  // tokens that thinking can never take from max_tokens; negative: min(512, max_tokens / 4)
  int max_tokens = 512;     // thinking, closing tag and answer together; >= 1
  // How a size that goes on where another one stopped gets its state: recompute (reads the text: exact), shadow[:N]
  // (has read along, N tokens at a time: exact), transplant (takes the other's state as it is: not exact), hybrid:N
  // (takes a state of the other at least N tokens back and reads the rest: not exact).
  std::string hand_over = "recompute";
  // A third phase: thinking goes on with this size once one of the two rules holds. Empty: never.
  std::string switch_size = {};
  int switch_after = -1;      // thinking tokens; negative: not by their number
  float switch_entropy = -1;  // nats, mean entropy of the last kEntropyTokens choices; negative: not by entropy

  static constexpr int kEntropyTokens = 8;

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("think-size", &Plan::think_size, "size that thinks");
    field("answer-size", &Plan::answer_size, "size that answers");
    field("think-budget", &Plan::think_budget,
          "thinking tokens before the end is forced; 0 = none, negative = no limit");
    field("think-grace", &Plan::think_grace, "tokens beyond the budget in which thinking may end at a boundary");
    field("answer-reserve", &Plan::answer_reserve, "tokens kept for the answer; negative = min(512, max-tokens / 4)");
    field("max-tokens", &Plan::max_tokens, "thinking and answer together");
    field("hand-over", &Plan::hand_over,
          "how the next size gets its state: recompute, shadow[:N] (both exact), transplant, hybrid:N");
    field("switch-size", &Plan::switch_size, "size that takes over thinking, by one of the next two rules");
    field("switch-after", &Plan::switch_after, "thinking tokens before it does; negative = not by their number");
    field("switch-entropy", &Plan::switch_entropy,
          "mean entropy of the last 8 choices (nats) above which it does; negative = not by entropy");
  }
};

// The temperature comes first, then top_k, top_p and min_p, each on what the one before it left (the order of
// transformers).
struct Sampling {
  float temperature = 0;  // >= 0; 0 picks the most likely token
  int top_k = 0;          // keep this many candidates; 0 keeps all
  float top_p = 1;        // keep the smallest set with this much probability; in (0, 1]
  float min_p = 0;        // keep candidates at least this likely, as a share of the most likely one; in [0, 1]
  uint64_t seed = 0;

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("temp", &Sampling::temperature, "0 = most likely token");
    field("top-k", &Sampling::top_k, "0 = all candidates");
    field("top-p", &Sampling::top_p, "smallest set with this much probability; in (0, 1]");
    field("min-p", &Sampling::min_p, "drop what is less likely than this share of the most likely; in [0, 1]");
    field("seed", &Sampling::seed, "of the sampler");
  }
};

// How thinking ended.
enum class ThinkEnd {
  none,      // the prompt did not open thinking
  natural,   // the model closed it
  boundary,  // past the budget, at a boundary token
  forced,    // at budget + grace, or where the answer's reserve begins
  stopped,   // the model ended the text inside thinking; the closing tag was put instead
};
const char* name_of(ThinkEnd end);

// How the whole text ended.
enum class AnswerEnd {
  stop_token,  // the model ended it
  stop_text,   // one of the texts to stop at
  max_tokens,  // Plan::max_tokens
  context,     // no room left
  cancelled,   // by the caller, between two steps
};
const char* name_of(AnswerEnd end);

}  // namespace starnest
