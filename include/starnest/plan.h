// Which size thinks, which size answers, and for how long.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace starnest {

// An empty size means: the family's default plan, else its largest size.
struct Plan {
  std::string think_size = {};
  std::string answer_size = {};
  int think_budget = -1;  // tokens; 0: none at all, negative: no limit of its own
  int think_grace = 64;   // tokens beyond the budget in which thinking may stop at a boundary; >= 0
  // Tokens that thinking can never take from max_tokens; negative: a quarter of what max_tokens and the context leave,
  // at most 512. Where the context leaves less, that is the reserve, and the answer's notices say so.
  int answer_reserve = -1;
  int max_tokens = 512;  // thinking, closing tag and answer together; >= 1
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
    field("answer-reserve", &Plan::answer_reserve, "tokens kept for the answer; negative = a quarter, at most 512");
    field("max-tokens", &Plan::max_tokens, "thinking and answer together");
    field("hand-over", &Plan::hand_over,
          "how the next size gets its state: recompute, shadow[:N] (both exact), transplant, hybrid:N");
    field("switch-size", &Plan::switch_size, "size that takes over thinking, by one of the next two rules");
    field("switch-after", &Plan::switch_after, "thinking tokens before it does; negative = not by their number");
    field("switch-entropy", &Plan::switch_entropy,
          "mean entropy of the last 8 choices (nats) above which it does; negative = not by entropy");
  }
};

// How a token is chosen from logits, in this order (that of transformers' logits processors, and of vLLM):
//   1. logit_bias is added
//   2. repetition_penalty r: for each token of prompt or output, logit / r where it is positive, else logit * r
//   3. frequency_penalty f and presence_penalty p (OpenAI): for each token that stands c > 0 times in the output alone,
//      logit - (c f + p)
//   4. the temperature, then top_k, top_p and min_p, each on what the one before it left
// At temperature 0 the largest logit after step 3 is taken. The output is all that follows the prompt: thinking,
// closing tag and answer. Steps 1 to 3 are computed in F32.
struct Sampling {
  float temperature = 0;  // >= 0; 0 picks the most likely token
  int top_k = 0;          // keep this many candidates; 0 keeps all
  float top_p = 1;        // keep the smallest set with this much probability; in (0, 1]
  float min_p = 0;        // keep candidates at least this likely, as a share of the most likely one; in [0, 1]
  uint64_t seed = 0;
  float repetition_penalty = 1;              // > 0; 1: none
  float presence_penalty = 0;                // logits; 0: none
  float frequency_penalty = 0;               // logits per time; 0: none
  std::map<int32_t, float> logit_bias = {};  // token id -> what is added to its logit; -infinity bans it

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("temp", &Sampling::temperature, "0 = most likely token");
    field("top-k", &Sampling::top_k, "0 = all candidates");
    field("top-p", &Sampling::top_p, "smallest set with this much probability; in (0, 1]");
    field("min-p", &Sampling::min_p, "drop what is less likely than this share of the most likely; in [0, 1]");
    field("seed", &Sampling::seed, "of the sampler");
    field("repetition-penalty", &Sampling::repetition_penalty,
          "divides positive logits of tokens that stand in prompt or output, multiplies others; 1 = none");
    field("presence-penalty", &Sampling::presence_penalty,
          "taken from the logit of every token of the output; 0 = none");
    field("frequency-penalty", &Sampling::frequency_penalty,
          "... as often as the token stands in the output; 0 = none");
    field("logit-bias", &Sampling::logit_bias, "added to the logits of these tokens, e.g. 12=-5,13=-inf");
  }
};

// How thinking ended.
enum class ThinkEnd {
  none,      // nothing opened thinking, or it was still open when the text ended
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
