#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "core/base/text.h"
#include "core/format/jsonl.h"
#include "report/paired.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

constexpr const char* kExamples =
    R"(Both files must hold the same questions, in any order. "not worse" is shown when the whole 95 % interval of the
difference lies above minus the margin.

Examples:
  starnest eval -m models/pocket --size small --records small.jsonl
  starnest eval -m models/pocket --size large --records large.jsonl
  starnest compare small.jsonl large.jsonl --margin 1)";

struct CompareOptions {
  std::string first, second;
  double margin = 1;  // points
  bool json = false;
};

struct Answers {
  std::string plan;
  std::map<std::string, bool> right;  // by question
};

Answers read_answers(const std::string& path) {
  Answers answers;
  for (const JsonRecord& record : read_jsonl(path)) {
    const std::string question = record.text("question");
    if (!answers.right.emplace(question, record.flag("right")).second)
      throw Error({.where = record.where(), .what = "a question is there twice", .got = in_quotes(question)});
    answers.plan = record.text("think_size") + ">" + record.text("answer_size");
  }
  if (answers.right.empty()) throw Error(path, "holds no answers");
  return answers;
}

// By resampling questions: independent of the formula of difference_interval.
Interval resampled(const PairedTable& table) {
  std::vector<double> differences(table.trials(), 0);
  std::fill_n(differences.begin(), table.only_first, 1.0);
  std::fill_n(differences.begin() + std::ptrdiff_t(table.only_first), table.only_second, -1.0);
  return bootstrap_interval(differences);
}

PairedTable paired(const Answers& first, const CompareOptions& options, const Answers& second) {
  PairedTable table;
  for (const auto& [question, right] : first.right) {
    const auto other = second.right.find(question);
    if (other == second.right.end())
      throw Error({.where = options.second,
                   .what = "lacks a question of " + options.first,
                   .expected = in_quotes(question),
                   .hint = "Evaluate both with the same task, effort, split, count and question seed"});
    ++(right ? (other->second ? table.both : table.only_first) : (other->second ? table.only_second : table.neither));
  }
  if (second.right.size() != first.right.size())
    throw Error({.where = options.second,
                 .what = "has other questions than " + options.first,
                 .expected = grouped(first.right.size()),
                 .got = grouped(second.right.size())});
  return table;
}

std::string accuracy_text(Tally tally) {
  return format_number("%5.1f", 100 * double(tally.successes) / double(tally.trials)) + " % (" + interval_text(tally) +
         ")";
}

void print_text(const CompareOptions& options, const Answers& first, const Answers& second, const PairedTable& table) {
  const Interval interval = difference_interval(table);
  std::printf("%s questions, paired\n", grouped(table.trials()).c_str());
  std::printf("first   %-24s %s\n", first.plan.c_str(), accuracy_text(table.first()).c_str());
  std::printf("second  %-24s %s\n", second.plan.c_str(), accuracy_text(table.second()).c_str());
  std::printf("only the first right %s, only the second %s; McNemar's exact test p = %.3g\n",
              grouped(table.only_first).c_str(), grouped(table.only_second).c_str(), mcnemar_exact(table.discordant()));
  const Interval bootstrap = resampled(table);
  std::printf("difference %+.2f points (95 %% interval %+.2f to %+.2f; bootstrap %+.2f to %+.2f)\n",
              100 * table.difference(), 100 * interval.low, 100 * interval.high, 100 * bootstrap.low,
              100 * bootstrap.high);
  if (is_non_inferior(table, options.margin / 100)) {
    std::printf("the first is not worse than the second by %g points or more\n", options.margin);
    return;
  }
  const double discordant = double(table.only_first + table.only_second) / double(table.trials());
  std::printf(
      "not shown: that the first is worse by less than %g points; two equal plans that differ this often would "
      "need about %s questions\n",
      options.margin, grouped(problems_needed(discordant, options.margin / 100)).c_str());
}

void print_json(const CompareOptions& options, const PairedTable& table) {
  const Interval interval = difference_interval(table), bootstrap = resampled(table);
  std::printf("%s\n", JsonLine()
                          .set("first", options.first)
                          .set("second", options.second)
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
                          .set("margin", options.margin / 100)
                          .set("non_inferior", is_non_inferior(table, options.margin / 100))
                          .text()
                          .c_str());
}

void run(const CompareOptions& options) {
  const Answers first = read_answers(options.first), second = read_answers(options.second);
  const PairedTable table = paired(first, options, second);
  if (options.json)
    print_json(options, table);
  else
    print_text(options, first, second, table);
}

}  // namespace

void add_compare(CLI::App& app) {
  const auto options = std::make_shared<CompareOptions>();
  CLI::App* command = app.add_subcommand("compare", "Compare two evaluations of the same questions, paired");
  command->footer(kExamples);
  command->add_option("first", options->first, "records of the plan that is asked about (eval --records)")->required();
  command->add_option("second", options->second, "records of the plan it is compared with")->required();
  command->add_option("--margin", options->margin, "points that do not matter")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([options] { run(*options); });
}

}  // namespace starnest::cli
