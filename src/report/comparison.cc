#include "report/comparison.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "format/json/jsonl.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// By resampling questions: independent of the formula of difference_interval.
Interval resampled(const PairedTable& table) {
  std::vector<double> differences(table.trials(), 0);
  std::fill_n(differences.begin(), table.only_first, 1.0);
  std::fill_n(differences.begin() + std::ptrdiff_t(table.only_first), table.only_second, -1.0);
  return bootstrap_interval(differences);
}

std::string accuracy_line(std::string label, const Answers& answers, Tally tally) {
  std::string plan = answers.plan;
  label.resize(8, ' ');
  plan.resize(std::max<size_t>(plan.size(), 24), ' ');
  return label + plan + format_number(" %5.1f", 100 * double(tally.successes) / double(tally.trials)) + " % (" +
         interval_text(tally) + ")\n";
}

double discordant_share(const PairedTable& table) {
  return double(std::max<uint64_t>(1, table.only_first + table.only_second)) / double(table.trials());
}

}  // namespace

Answers read_answers(const std::filesystem::path& file) {
  Answers answers;
  answers.source = file.string();
  for (const JsonRecord& record : read_jsonl(file)) {
    const std::string question = record.text("question");
    if (!answers.right.emplace(question, record.flag("right")).second)
      throw Error({.where = record.where(), .what = "a question is there twice", .got = in_quotes(question)});
    answers.plan = record.text("plan");
  }
  if (answers.right.empty()) throw Error(file.string(), "holds no answers");
  return answers;
}

PairedTable paired(const Answers& first, const Answers& second) {
  PairedTable table;
  for (const auto& [question, right] : first.right) {
    const auto other = second.right.find(question);
    if (other == second.right.end())
      throw Error({.where = second.source,
                   .what = "lacks a question of " + first.source,
                   .expected = in_quotes(question),
                   .hint = "Evaluate both with the same task, effort, split, count and question seed"});
    ++(right ? (other->second ? table.both : table.only_first) : (other->second ? table.only_second : table.neither));
  }
  return table;
}

uint64_t questions_needed(const PairedTable& table, double margin) {
  const double when_none_differs = std::ceil(kZ95 * kZ95 / margin);  // that the interval's end of 0 of n takes
  return std::max(problems_needed(discordant_share(table), margin), uint64_t(when_none_differs));
}

std::string comparison_text(const Answers& first, const Answers& second, double margin) {
  const PairedTable table = paired(first, second);
  const Interval interval = difference_interval(table), bootstrap = resampled(table);
  std::string text = grouped(table.trials()) + " questions, paired\n";
  text += accuracy_line("first", first, table.first()) + accuracy_line("second", second, table.second());
  text += "only the first right " + grouped(table.only_first) + ", only the second " + grouped(table.only_second);
  text += format_number("; McNemar's exact test p = %.3g\n", mcnemar_exact(table.discordant()));
  text += format_number("difference %+.2f points (95 %% interval ", 100 * table.difference());
  text += format_number("%+.2f to ", 100 * interval.low) + format_number("%+.2f; bootstrap ", 100 * interval.high);
  text += format_number("%+.2f to ", 100 * bootstrap.low) + format_number("%+.2f)\n", 100 * bootstrap.high);
  if (is_non_inferior(table, margin))
    return text + format_number("the first is not worse than the second by %g points or more\n", 100 * margin);
  return text + format_number("not shown: that the first is worse by less than %g points; ", 100 * margin) +
         "two equal plans that differ this often would need about " + grouped(questions_needed(table, margin)) +
         " questions\n";
}

std::string comparison_json(const Answers& first, const Answers& second, double margin) {
  const PairedTable table = paired(first, second);
  const Interval interval = difference_interval(table), bootstrap = resampled(table);
  return JsonLine()
      .set("first", first.source)
      .set("second", second.source)
      .set("n", table.trials())
      .set("both_right", table.both)
      .set("only_first_right", table.only_first)
      .set("only_second_right", table.only_second)
      .set("neither_right", table.neither)
      .set("difference", table.difference())
      .set("difference_low", interval.low)
      .set("difference_high", interval.high)
      .set("bootstrap_low", bootstrap.low)
      .set("bootstrap_high", bootstrap.high)
      .set("mcnemar_p", mcnemar_exact(table.discordant()))
      .set("margin", margin)
      .set("non_inferior", is_non_inferior(table, margin))
      .text();
}

}  // namespace starnest
