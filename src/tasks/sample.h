// Problems, efforts and samples: the text that a model sees.
//
//   sample := <bos> prompt effort <think> trace </think> answer <eos>      prompt := task ":" body "?"
//
//   <bos>r:a5b+3c*7?<e2><think>a5;b+38;c*76;</think>6<eos>
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dims.h"

namespace starnest::tasks {

// How much is written while thinking: nothing (e0), one result a step (e1), every step in full (e2).
enum class Effort { none, terse, full };

std::string_view name_of(Effort effort);     // "e0", "e1", "e2"
Effort effort_named(std::string_view name);  // throws Error with a suggestion
TokenId effort_token(Effort effort);         // <e0>, <e1>, <e2>

struct Problem {
  std::string task;  // "r"
  std::string body;  // "a5b+3c*7"
  int k = 0;         // the task's knob: how many steps of work the problem takes

  std::string canonical() const { return task + ":" + body; }  // identifies the problem; decides its split
  bool operator==(const Problem&) const = default;
};

struct Sample {
  Problem problem;
  Effort effort = Effort::none;
  std::string trace;   // whole steps, each closed by ';'; empty for Effort::none
  std::string answer;  // of the whole problem, also when the trace was cut
  int steps_cut = 0;   // steps missing at the end of the trace
};

// A sample as tokens. What a model has to write starts right after <think>: trace, </think>, answer, <eos>.
struct TokenSample {
  std::vector<TokenId> ids;
  size_t completion_start = 0;  // index of the first token after <think>; the loss is on this and all later tokens
  size_t answer_start = 0;      // index of the first token after </think>
};

// Solves `problem` and drops the last `steps_cut` steps of the trace, but never its first step (so fewer may be cut,
// see Sample::steps_cut). Throws Error when the body is malformed.
Sample make_sample(const Problem& problem, Effort effort, int steps_cut = 0);

// From <bos> to <think>: what a model is given.
std::string prompt_text(const Problem& problem, Effort effort);
std::vector<TokenId> prompt_ids(const Problem& problem, Effort effort);

// From <bos> to <eos>. text(s) is decode(tokens(s).ids).
std::string text(const Sample& sample);
TokenSample tokens(const Sample& sample);

}  // namespace starnest::tasks
