// Two evaluations of the same questions, paired.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "report/statistics.h"

namespace starnest {

// Which questions an evaluation answered rightly.
struct Answers {
  std::string source;                 // for messages: a file, or what was asked
  std::string plan;                   // "small>large": who writes, in turn
  std::map<std::string, bool> right;  // by question
};

// From JSON lines with "question", "right" and "plan". Throws Error naming file and line, also for
// a question that is there twice, and for a file without any.
Answers read_answers(const std::filesystem::path& file);

// Over the questions of `first`. Throws Error for one that `second` lacks; what else `second` holds does not count.
PairedTable paired(const Answers& first, const Answers& second);

// Both shares, who alone was right, McNemar's exact p, the difference with its interval (also by resampling), and
// whether the first is not worse than the second by `margin` (a share) or more.
std::string comparison_text(const Answers& first, const Answers& second, double margin);
std::string comparison_json(const Answers& first, const Answers& second, double margin);  // one object

// Questions to ask in all, after `table` of the first ones: problems_needed() at the share of discordant ones among
// them (at least one), and no fewer than show it where none is discordant.
uint64_t questions_needed(const PairedTable& table, double margin);

}  // namespace starnest
