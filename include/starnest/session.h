// Asking a family: one size thinks, another answers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "starnest/family.h"

namespace starnest {

enum class Phase { thinking, answering };

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
  std::function<bool()> cancelled = {};  // asked before every step; true ends the request with what there is
};

// One stretch of work. Reading (of the prompt and, at a switch, of the text so far) and writing are told apart: the
// first token that a size writes comes from the last step that reads.
struct PhaseReport {
  std::string size;
  int tokens = 0;      // read, or written: a closing tag counts where the size wrote it itself
  int steps = 0;       // taken; a step of writing yields one token
  double seconds = 0;  // of these steps
  double bytes = 0;    // moved by them: weights as arch/pass_cost.h expects, states, keys and values
};

struct Answer {
  std::string thinking;
  std::string answer;
  std::vector<TokenId> ids;  // thinking, closing tag, answer; with those of a text that it stopped at
  ThinkEnd think_end = ThinkEnd::none;
  AnswerEnd end = AnswerEnd::stop_token;
  double seconds_to_first_token = 0;
  int switched_after = -1;  // thinking tokens when Plan::switch_size took over; -1: it did not
  // The way that a size took over thinking, e.g. "recompute": Plan::switch_size, or the thinking size where the model
  // opened thinking itself.
  std::string thinking_hand_over;
  std::string hand_over;  // the way that the answering size took over; empty where the size that thought last answers
  int reused_tokens = 0;  // of the prompt, not read again: an earlier request of the family had read them
  PhaseReport prompt_report;           // reading
  PhaseReport thinking_report;         // by the size that thinks first
  PhaseReport thinking_switch_report;  // the size that takes over thinking reading what it has not read
  PhaseReport second_thinking_report;  // by Plan::switch_size
  PhaseReport switch_report;  // the answering size reading what it has not read; no steps when one size does all
  // Reading along, one for each size that did, in steps of thinking: bytes beyond theirs, seconds within theirs.
  std::vector<PhaseReport> shadow_reports;
  PhaseReport answer_report;
  // Sentences that whoever asked should see: what of the plan did not apply, or was changed to fit.
  std::vector<std::string> notices;

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
