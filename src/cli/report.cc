#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "arch/family_spec.h"
#include "arch/pass_cost.h"
#include "base/output.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/common.h"
#include "cli/inspect_facts.h"
#include "program/terminal.h"
#include "report/evaluations.h"
#include "starnest/error.h"
#include "starnest/plan.h"

namespace starnest::cli {
namespace {

constexpr const char* kReportExamples = R"(Examples:
  starnest eval -m models/reasoner --task c --size small --parallel 1 --json small.json
  starnest bench -m models/reasoner --json > bench.json
  starnest report -o report.html small.json bench.json runs/studies/twins.json -m models/reasoner
  starnest report -o report.html *.json --project nano --project-elastic nemotron-3-elastic-30b)";

struct ReportOptions {
  std::vector<std::string> files;
  std::string out, title = "Elastic models";
  std::string model;
  std::string project, project_elastic;
  double gb_per_second = 100;
};

Section storage_section(const std::string& model) {
  const FamilySpec family = read_family(model);
  Section section{.title = "Storage: one family against separate checkpoints",
                  .text = model,
                  .chart = {.title = "storage",
                            .x_label = "",
                            .y_label = "MB",
                            .series = {{"one family", {}}, {"separate", {}}},
                            .kind = ChartKind::bars},
                  .table = {{"format", "one family", "separate", "saved"}, {}}};
  const StorageFacts storage = facts_of(family).storage;
  const char* const names[]{"BF16", "FP8", "NVFP4"};  // as kFormats
  for (size_t f = 0; f < kFormats.size(); ++f) {
    const double one = double(storage.family[f]), all = double(storage.separate[f]);
    section.chart.categories.emplace_back(names[f]);
    section.chart.series[0].points.emplace_back(double(f), one / 1e6);
    section.chart.series[1].points.emplace_back(double(f), all / 1e6);
    section.table.rows.push_back({names[f], bytes_text(storage.family[f]), bytes_text(storage.separate[f]),
                                  format_number("%.0f %%", 100 * (1 - one / all))});
  }
  return section;
}

// Sizes of one family mean those of another, counted from the smallest: what a plan costs there, by the weights that
// its steps read.
Projection projection(const ReportOptions& options) {
  if (options.project.empty()) return {};
  if (options.model.empty()) throw Error({.where = "--project", .what = "needs -m, whose sizes the evaluations name"});
  const FamilySpec measured = read_family(options.model);
  const FamilySpec goal = read_family(options.project, options.project_elastic);
  if (measured.sizes.largest() > goal.sizes.largest())
    throw Error({.where = options.project,
                 .what = "has fewer sizes than " + options.model,
                 .expected = "at least " + std::to_string(measured.sizes.largest()),
                 .got = std::to_string(goal.sizes.largest())});
  const double rate = options.gb_per_second * 1e9;
  return [measured, goal, rate](const EvaluationFile& file) {
    // When a stage in between begins is not in the file.
    if (file.stages.size() > 2) return std::nan("");
    const auto widths = [&](const std::string& name) -> const Widths* {
      const auto size = measured.sizes.named(name);
      return size ? &goal.sizes.at(*size).widths : nullptr;
    };
    const auto part = [](const Widths* at, double tokens, uint64_t logits = 1) {
      return PassPart{at, uint64_t(std::max(1.0, std::round(tokens))), logits};
    };
    const auto of = [&](const std::vector<PassPart>& parts) {
      return pass_cost_of(goal.spec, published_as(Encoding::bf16, goal.spec), parts).bytes / rate;
    };
    const auto seconds = [&](const Widths* at, double tokens) { return of({part(at, tokens)}); };
    const Widths *think = widths(file.stages.front().size), *answer = widths(file.stages.back().size);
    if (!think || !answer) return std::nan("");
    double sum = seconds(think, file.prompt_tokens) + file.thinking_tokens * seconds(think, 1) +
                 file.answer_tokens * seconds(answer, 1);
    if (think == answer) return sum;
    const double text = file.prompt_tokens + file.thinking_tokens;
    const HandOver how = parse_hand_over(file.hand_over);
    const double window = how.window;
    switch (how.mode) {
      case HandOver::Mode::recompute:
        return sum + seconds(answer, text);
      case HandOver::Mode::transplant:
        return sum;
      case HandOver::Mode::hybrid:  // between one and two windows
        return sum + seconds(answer, std::min(text, 1.5 * window));
      case HandOver::Mode::shadow:  // whole windows in steps of thinking, then what is left of one
        return sum + std::floor(text / window) * (of({part(think, 1), part(answer, window, 0)}) - seconds(think, 1)) +
               seconds(answer, std::min(text, window / 2));
    }
    return sum;
  };
}

std::vector<NamedPath> inputs_of(const ReportOptions& options) {
  std::vector<NamedPath> inputs{{"--project-elastic", options.project_elastic}};
  for (const std::string& file : options.files) inputs.push_back({"report", file});
  for (const auto& [flag, model] : {std::pair("-m", options.model), std::pair("--project", options.project)})
    if (!model.empty())
      for (NamedPath& file : model_inputs(flag, model)) inputs.push_back(std::move(file));
  return inputs;
}

void run(const ReportOptions& options) {
  const std::vector<std::filesystem::path> paths(options.files.begin(), options.files.end());
  const NamedPath out{"-o", options.out};
  check_outputs({&out, 1}, inputs_of(options));
  AtomicFile page(options.out);
  std::vector<Section> sections = sections_of(read_report_files(paths), projection(options));
  if (!options.model.empty()) sections.push_back(storage_section(options.model));
  if (sections.empty()) throw Error("report", "there is nothing to show");
  page.write(html_page(options.title, sections));
  page.commit();
  print(stdout, "%s: %zu sections\n", options.out.c_str(), sections.size());
}

}  // namespace

void add_report(CLI::App& app) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Turn evaluations, benchmarks and studies into one HTML page");
  command->footer(kReportExamples);
  command->add_option("files", options->files, "JSON files of eval, bench and starnest-train study");
  command->add_option("-o,--out", options->out, "HTML file to write")->required();
  command->add_option("--title", options->title, "of the page")->capture_default_str();
  command->add_option("-m,--model", options->model, "family folder, for the storage of one file against several")
      ->type_name("DIR");
  auto* const project =
      command->add_option("--project", options->project, "model folder (config.json is enough) to project seconds for")
          ->type_name("DIR");
  command->add_option("--project-elastic", options->project_elastic, "its sizes: a file or a preset")->needs(project);
  command->add_option("--project-gb-per-second", options->gb_per_second, "memory bandwidth of the projection")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->callback([options] { run(*options); });
}

}  // namespace starnest::cli
