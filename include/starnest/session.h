// Asking a family: one size thinks, another answers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "starnest/family.h"

namespace starnest {

// A piece of text as it is written. `text` is whole UTF-8 characters; `size` wrote it.
struct TextPiece {
  Phase phase = Phase::answering;
  std::string_view size;
  std::string_view text;
};

struct AskOptions {
  Plan plan = {};
  std::optional<Sampling> sampling = {};  // not given: the family's default_sampling()
  // The answer ends before the first of these that is written, which is not part of it. They are looked for in the
  // answer's text, never in the thinking, across the limits of tokens; special tokens have no text. Of several, the one
  // that is complete first counts. Text that may begin one is held back until it is known.
  std::vector<std::string> stop = {};
  std::function<void(const TextPiece&)> on_text = {};  // called for every piece
  bool use_cache = true;  // go on from what earlier requests of the family have read, and leave this one to later ones
  std::function<bool()> cancelled = {};  // asked before every step; true ends the request with what there is
};

// One stretch of work of a size. The first token that a size writes comes from the last step that reads, so that
// reading and writing are told apart.
struct StageReport {
  enum class Work {
    reading,  // the prompt, or at a hand-over what the size has not read of the text
    writing,
    along,  // a size that may take over reads, in steps of the size that writes
  };
  int stage = 0;  // of Plan::stages, as resolved: an index
  std::string size;
  Work work = Work::reading;
  Phase phase = Phase::answering;  // of the text when it was done
  int tokens = 0;                  // read, or written: a closing tag counts where the size wrote it itself
  int steps = 0;                   // taken; a step of writing yields one token
  double seconds = 0;              // of these steps, which other requests may have shared; of `along` within those
  double bytes = 0;  // that they move, counted as if the request ran alone: weights as arch/pass_cost.h expects,
                     // states, keys and values; of `along` those beyond the writing size's own
  std::optional<HandOver> hand_over = {};  // of a size that took over: how
};

struct Answer {
  std::string thinking;
  std::string answer;
  std::vector<TokenId> ids;  // thinking, closing tag, answer; with those of a text that it stopped at
  int thinking_tokens = 0;   // of these: thinking with its tags
  ThinkEnd think_end = ThinkEnd::none;
  AnswerEnd end = AnswerEnd::stop_token;
  double seconds_to_first_token = 0;
  int reused_tokens = 0;            // of the prompt, not read again: an earlier request of the family had read them
  std::vector<StageReport> stages;  // in the order in which they began
  // Sentences that whoever asked should see: what of the plan did not apply, or was changed to fit.
  std::vector<std::string> notices;

  // All stages of this work in this phase as one; its size is that of the last of them.
  StageReport total(StageReport::Work work, Phase phase) const;
  int tokens_written(Phase phase) const { return total(StageReport::Work::writing, phase).tokens; }

  bool complete() const { return end == AnswerEnd::stop_token || end == AnswerEnd::stop_text; }
};

// Not thread-safe. Keeps its family alive. Prompts that begin as an earlier one of the same family did go on from what
// it read (OpenOptions::cache_bytes), with the same bits as if everything were read again.
class Session {
 public:
  explicit Session(Family family) : family_(std::move(family)) {}

  // Where the prompt leaves a thought open (its last opening tag has no end): reads the prompt with the thinking size,
  // thinks under the plan's budget, hands over to the answering size (bit-equal to a session of that size on the same
  // text, unless Plan::hand_over says otherwise), and answers. Tokens of the thought that stand in the prompt count
  // towards nothing. Elsewhere the answering size reads and answers; if it opens a thought first of all, that is
  // thinking from there on. Throws Error for options or a prompt that do not fit the model.
  Answer ask(const std::vector<TokenId>& prompt, const AskOptions& options = {});

 private:
  Family family_;
};

}  // namespace starnest
