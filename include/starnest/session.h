// Asking a family: one size thinks, another answers.
#pragma once

#include <functional>
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

struct PhaseReport {
  std::string size;
  int tokens = 0;      // written, the closing tag included
  double seconds = 0;  // from the first token read for the phase to the last written
};

struct Answer {
  std::string thinking;
  std::string answer;
  std::vector<TokenId> ids;  // thinking, closing tag, answer
  ThinkEnd think_end = ThinkEnd::none;
  bool complete = false;  // false: cut at max_tokens or at the model's context
  int prompt_tokens = 0;
  double seconds_to_first_token = 0;
  double switch_seconds = 0;  // the answering size reading the text so far; 0 when one size does both
  PhaseReport thinking_report, answer_report;
};

// Not thread-safe. Keeps its family alive.
class Session {
 public:
  explicit Session(Family family) : family_(std::move(family)) {}

  // Reads the prompt with the thinking size, thinks under the plan's budget, hands over by reading the text so far with
  // the answering size (bit-equal to a session of that size), and answers. `on_text` is called for every piece.
  // Throws Error for a plan or a prompt that does not fit the model.
  Answer ask(const std::vector<TokenId>& prompt, const Plan& plan = {}, const Sampling& sampling = {},
             const std::function<void(const TextPiece&)>& on_text = {});

 private:
  Family family_;
};

}  // namespace starnest
