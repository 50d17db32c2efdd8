#include <cstdio>
#include <memory>
#include <string>

#include "base/text.h"
#include "cli/commands.h"
#include "program/terminal.h"
#include "report/comparison.h"
#include "starnest/error.h"

namespace starnest::cli {
namespace {

constexpr const char* kCompareExamples =
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

void run(const CompareOptions& options) {
  const Answers first = read_answers(options.first), second = read_answers(options.second);
  const double margin = options.margin / 100;
  if (second.right.size() > first.right.size())  // of fewer, the first that is missing is named below
    throw Error({.where = options.second,
                 .what = "has other questions than " + options.first,
                 .expected = grouped(first.right.size()),
                 .got = grouped(second.right.size())});
  if (options.json)
    std::puts(comparison_json(first, second, margin).c_str());
  else
    print(stdout, "%s", comparison_text(first, second, margin).c_str());
}

}  // namespace

void add_compare(CLI::App& app) {
  const auto options = std::make_shared<CompareOptions>();
  CLI::App* command = app.add_subcommand("compare", "Compare two evaluations of the same questions, paired");
  command->footer(kCompareExamples);
  command->add_option("first", options->first, "records of the plan that is asked about (eval --records)")->required();
  command->add_option("second", options->second, "records of the plan it is compared with")->required();
  command->add_option("--margin", options->margin, "points that do not matter")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 100.0));
  command->add_flag("--json", options->json, "print one JSON object");
  command->callback([options] { run(*options); });
}

}  // namespace starnest::cli
