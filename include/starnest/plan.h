// Which size writes what, and for how long.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace starnest {

enum class Phase { thinking, answering };
const char* name_of(Phase phase);

// What ends a stage. `tag` is the end of thinking, however it comes (the model closes it, its budget is used up); `end`
// is the end of the text. Between these a rule ends a stage: so many tokens, or choices that are not sure.
struct Until {
  enum class Event { rule, tag, end };
  Event event = Event::end;
  int tokens = -1;  // of a rule: written by this stage; negative: not by their number
  float entropy =
      -1;  // of a rule: nats, mean entropy of its last kEntropyTokens choices above this; negative: not by it

  static constexpr int kEntropyTokens = 8;

  static Until end() { return {}; }
  static Until tag() { return {Event::tag}; }
  static Until after(int tokens) { return {Event::rule, tokens}; }
  static Until unsure(float entropy) { return {Event::rule, -1, entropy}; }
  bool operator==(const Until&) const = default;
};

// A size writes until something happens; then the next stage goes on. Where thinking ends, the stage after the one with
// `tag` is next, whichever was at work; without a `tag`, thinking and answer are nothing to the stages. A prompt that
// opens no thinking begins behind the `tag`.
struct Stage {
  std::string size;
  Until until = {};
  bool operator==(const Stage&) const = default;
};

// "small:tokens=64,medium:entropy=1.5,small:tag,large:end"; a stage that two rules can end:
// "small:tokens=64/entropy=2". Throws Error for what is not of this form; whether the stages make a plan is checked
// where it is used.
std::vector<Stage> parse_stages(const std::string& text);
std::string text_of(const std::vector<Stage>& stages);
std::string text_of(const Until& until);

// One size thinks and another answers. An empty name follows the other one; one size for both is one stage.
std::vector<Stage> think_and_answer(const std::string& think, const std::string& answer);

// How a size that goes on where another one stopped gets its state.
struct HandOver {
  enum class Mode {
    recompute,   // reads the whole text: exact
    transplant,  // takes the other size's state as it is: not exact
    hybrid,      // takes a state of the other size at least `window` tokens back and reads the rest: not exact
    shadow,      // has read along, `window` tokens at a time: exact
  };
  Mode mode = Mode::recompute;
  int window = 0;  // tokens; hybrid and shadow only

  static constexpr int kShadowWindow = 64;  // of a shadow that names none

  bool exact() const { return mode == Mode::recompute || mode == Mode::shadow; }
  bool operator==(const HandOver&) const = default;
};

// "recompute", "transplant", "hybrid:16", "shadow" (in steps of kShadowWindow) or "shadow:16". Throws Error.
HandOver parse_hand_over(const std::string& text);
std::string text_of(const HandOver& hand_over);

struct Plan {
  std::vector<Stage> stages = {};  // none: the family's default plan
  int think_budget = -1;           // tokens; 0: none at all, negative: no limit of its own
  int think_grace = 64;            // tokens beyond the budget in which thinking may stop at a boundary; >= 0
  // Tokens that thinking can never take from max_tokens; negative: a quarter of what max_tokens and the context leave,
  // at most 512. Where the context leaves less, that is the reserve, and the answer's notices say so.
  int answer_reserve = -1;
  int max_tokens = 512;  // thinking, closing tag and answer together; >= 1
  HandOver hand_over = {};

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("think-budget", &Plan::think_budget,
          "thinking tokens before the end is forced; 0 = none, negative = no limit");
    field("think-grace", &Plan::think_grace, "tokens beyond the budget in which thinking may end at a boundary");
    field("answer-reserve", &Plan::answer_reserve, "tokens kept for the answer; negative = a quarter, at most 512");
    field("max-tokens", &Plan::max_tokens, "thinking and answer together");
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
  memory,      // OpenOptions::kv_bytes: alone, and still no room
  cancelled,   // by the caller, between two steps
};
const char* name_of(AnswerEnd end);

}  // namespace starnest
