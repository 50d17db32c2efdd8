// Which size writes what, and for how long.
#pragma once

#include <cstdint>
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
  int tokens = -1;     // of a rule: written by this stage; negative: not by their number
  float entropy = -1;  // of a rule: nats, mean entropy of its last kEntropyTokens choices above this; negative: not by it

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

// "small:tokens=64,medium:entropy=1.5,small:tag,large:end"; a stage that two rules can end: "small:tokens=64/entropy=2".
// Throws Error for what is not of this form; whether the stages make a plan is checked where it is used.
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
  int answer_reserve = -1;  // tokens that thinking can never take from max_tokens; negative: min(512, max_tokens / 4)
  int max_tokens = 512;     // thinking, closing tag and answer together; >= 1
  HandOver hand_over = {};

  template <class Visitor>
  static void fields(Visitor&& field) {
    field("think-budget", &Plan::think_budget,
          "thinking tokens before the end is forced; 0 = none, negative = no limit");
    field("think-grace", &Plan::think_grace, "tokens beyond the budget in which thinking may end at a boundary");
    field("answer-reserve", &Plan::answer_reserve, "tokens kept for the answer; negative = min(512, max-tokens / 4)");
    field("max-tokens", &Plan::max_tokens, "thinking and answer together");
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
