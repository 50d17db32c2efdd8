#include "report/evaluations.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/text.h"
#include "format/json/jsonl.h"
#include "starnest/error.h"

namespace starnest {
namespace {

std::string one_decimal(double value) { return format_number("%.1f", value); }

std::string signed_text(double value) { return std::isfinite(value) ? format_number("%+.1f", value) : "-"; }

EvaluationFile read_evaluation(const JsonRecord& json) {
  const JsonRecord result = json.object("result");
  EvaluationFile file;
  file.task = json.text("task"), file.effort = json.text("effort");
  for (const JsonRecord& stage : json.objects("stages")) file.stages.push_back({stage.text("size"), stage.text("until")});
  if (file.stages.empty()) throw Error(json.where(), "holds a plan without stages");
  file.hand_over = json.find_text("hand_over").value_or("recompute");
  file.think_budget = int(json.integer("think_budget"));
  file.parallel = int(json.find_integer("parallel").value_or(0));
  file.tally = {uint64_t(result.integer("right")), uint64_t(result.integer("n"))};
  if (file.tally.trials == 0) throw Error(json.where(), "holds no question");
  file.seconds = json.find_number("seconds").value_or(0);
  const auto number = [&](const char* key) { return json.find_number(key).value_or(0); };
  file.prompt_tokens = number("mean_prompt_tokens"), file.thinking_tokens = number("mean_thinking_tokens");
  file.answer_tokens = number("mean_answer_tokens"), file.bytes = number("mean_bytes");
  file.think_active = number("think_active_parameters"), file.answer_active = number("answer_active_parameters");
  return file;
}

BenchFile read_bench(const JsonRecord& json) {
  BenchFile file{json.text("model"), json.text("kernel_path"), json.number("resident_bytes"), {}};
  for (const JsonRecord& size : json.objects("sizes")) {
    BenchFile::Size& entry = file.sizes.emplace_back();
    entry.name = size.text("size");
    if (const auto prefill = size.find_object("prefill")) entry.prefill = prefill->number("tokens_per_second");
    if (const auto decode = size.find_object("decode")) {
      entry.decode = decode->number("tokens_per_second");
      entry.share_of_read = decode->number("share_of_read");
    }
  }
  return file;
}

StudyFile read_study(const JsonRecord& json) {
  StudyFile file{json.text("study"), json.text("question"), json.text("unit"), {}, {}};
  file.claims.header = {"predicted", "size", "difference", "from", "to", "adjusted p", "verdict"};
  for (const JsonRecord& claim : json.objects("claims"))
    file.claims.rows.push_back(
        {claim.text("prediction") + " (" + claim.text("first") + " - " + claim.text("second") + ")", claim.text("size"),
         signed_text(claim.number("mean")), signed_text(claim.number("low")), signed_text(claim.number("high")),
         format_number("%.3f", claim.number("adjusted_p")), claim.text("verdict")});
  file.arms.header = {"arm", "size", "long traces right, every " + file.unit};
  for (const JsonRecord& arm : json.objects("arms")) {
    std::vector<std::string> each;
    for (const JsonRecord& outcome : arm.objects("outcomes")) each.push_back(one_decimal(outcome.number("long")));
    file.arms.rows.push_back({arm.text("arm"), arm.text("size"), join(each, " ")});
  }
  return file;
}

using ByTask = std::map<std::pair<std::string, std::string>, std::vector<EvaluationFile>>;

std::string interval(const EvaluationFile& file) {
  const Interval i = wilson(file.tally);
  return one_decimal(100 * i.low) + " to " + one_decimal(100 * i.high);
}

// Sizes that think and answer alone, without a budget.
Section by_parameters(const ByTask& by_task) {
  Section section{.title = "Accuracy of each size",
                  .text = "A size thinks and answers alone, without a budget.",
                  .chart = {.title = "accuracy against active parameters",
                            .x_label = "active parameters",
                            .y_label = "% right",
                            .series = {}},
                  .table = {{"task", "size", "active parameters", "% right", "95 % interval", "questions"}, {}}};
  for (const auto& [task, files] : by_task) {
    Series series{task.first + " " + task.second, {}};
    for (const EvaluationFile& file : files) {
      if (!file.one_size() || file.think_budget >= 0) continue;
      series.points.emplace_back(file.answer_active, file.accuracy());
      section.table.rows.push_back({series.name, file.stages.back().size, grouped(uint64_t(file.answer_active)),
                                    one_decimal(file.accuracy()), interval(file), grouped(file.tally.trials)});
    }
    std::sort(series.points.begin(), series.points.end());
    if (!series.points.empty()) section.chart.series.push_back(std::move(series));
  }
  return section;
}

struct Axis {
  const char *title, *label, *format;
  double (*value)(const EvaluationFile&);
};

const std::vector<Axis>& axes() {
  static const std::vector<Axis> all{
      {"measured seconds", "seconds per question, asked alone", "%.5f",
       [](const EvaluationFile& f) {
         return f.parallel == 1 ? f.seconds / double(f.tally.trials) : std::numeric_limits<double>::quiet_NaN();
       }},
      {"bytes moved", "MB per question", "%.2f", [](const EvaluationFile& f) { return f.bytes / 1e6; }}};
  return all;
}

// Plans of one task against what they cost, with the front; without points: no chart.
Section by_cost(const std::string& task, const std::vector<EvaluationFile>& files, const std::string& title,
                const std::string& label, const char* format,
                const std::function<double(const EvaluationFile&)>& value) {
  Section section{.title = task + ": accuracy against " + title,
                  .text = {},
                  .chart = {.title = "accuracy against " + title,
                            .x_label = label,
                            .y_label = "% right",
                            .series = {},
                            .kind = ChartKind::scatter},
                  .table = {{"plan", "budget", label, "% right", "95 % interval", "on the front"}, {}}};
  std::vector<std::pair<double, double>> points;
  for (const EvaluationFile& file : files)
    if (std::isfinite(value(file)) && value(file) > 0) points.emplace_back(value(file), file.accuracy());
  const auto front = pareto_front(points);
  std::map<std::string, Series> plans;
  for (const EvaluationFile& file : files) {
    if (!std::isfinite(value(file)) || value(file) <= 0) continue;
    const std::pair<double, double> point{value(file), file.accuracy()};
    plans[file.plan()].name = file.plan();
    plans[file.plan()].points.push_back(point);
    const bool on_front = std::find(front.begin(), front.end(), point) != front.end();
    section.table.rows.push_back({file.plan(), file.think_budget < 0 ? "none" : std::to_string(file.think_budget),
                                  format_number(format, value(file)), one_decimal(file.accuracy()), interval(file),
                                  on_front ? "yes" : ""});
  }
  for (auto& [name, series] : plans) {
    std::sort(series.points.begin(), series.points.end());
    section.chart.series.push_back(std::move(series));
  }
  if (!front.empty()) section.chart.series.push_back({"front", front});
  return section;
}

Section by_budget(const std::string& task, const std::vector<EvaluationFile>& files) {
  Section section{.title = task + ": accuracy against the thinking budget",
                  .text = {},
                  .chart = {.title = "accuracy against the thinking budget",
                            .x_label = "thinking tokens",
                            .y_label = "% right",
                            .series = {}},
                  .table = {{"plan", "budget", "% right", "95 % interval"}, {}}};
  std::map<std::string, Series> plans;
  for (const EvaluationFile& file : files) {
    if (file.think_budget < 0) continue;
    plans[file.plan()].name = file.plan();
    plans[file.plan()].points.emplace_back(file.think_budget, file.accuracy());
    section.table.rows.push_back(
        {file.plan(), std::to_string(file.think_budget), one_decimal(file.accuracy()), interval(file)});
  }
  for (auto& [name, series] : plans) {
    std::sort(series.points.begin(), series.points.end());
    section.chart.series.push_back(std::move(series));
  }
  return section;
}

Section speeds(const BenchFile& bench) {
  Section section{.title = "Speed of each size",
                  .text = bench.model + ", " + bench.kernel_path + ", " + bytes_text(uint64_t(bench.resident_bytes)) +
                          " resident for all sizes together.",
                  .chart = {.title = "tokens/s by size",
                            .x_label = "",
                            .y_label = "tokens/s",
                            .series = {{"prefill", {}}, {"decode", {}}},
                            .kind = ChartKind::bars},
                  .table = {{"size", "prefill tokens/s", "decode tokens/s", "of a plain read"}, {}}};
  for (const BenchFile::Size& size : bench.sizes) {
    const double at = double(section.chart.categories.size());
    section.chart.categories.push_back(size.name);
    section.chart.series[0].points.emplace_back(at, size.prefill);
    section.chart.series[1].points.emplace_back(at, size.decode);
    section.table.rows.push_back(
        {size.name, one_decimal(size.prefill), one_decimal(size.decode), one_decimal(100 * size.share_of_read) + " %"});
  }
  return section;
}

}  // namespace

bool EvaluationFile::one_size() const {
  return std::all_of(stages.begin(), stages.end(), [&](const Stage& s) { return s.size == stages.front().size; });
}

std::string EvaluationFile::plan() const {
  if (one_size()) return stages.front().size;
  std::vector<std::string> names;
  for (const Stage& stage : stages) names.push_back(stage.size);
  return join(names, "->") + (hand_over == "recompute" ? "" : " " + hand_over);
}

ReportFiles read_report_files(std::span<const std::filesystem::path> files) {
  ReportFiles read;
  for (const std::filesystem::path& file : files) {
    const std::vector<JsonRecord> records = read_jsonl(file);
    if (records.empty()) throw Error(file.string(), "is empty");
    for (const JsonRecord& json : records) {
      if (json.has("study"))
        read.studies.push_back(read_study(json));
      else if (json.has("task") && json.has("result"))
        read.evaluations.push_back(read_evaluation(json));
      else if (json.has("read_gb_per_second"))
        read.benches.push_back(read_bench(json));
      else
        throw Error({.where = json.where(),
                     .what = "is none of the files that a report is made of",
                     .expected = "what eval --json, bench --json or a study wrote"});
    }
  }
  return read;
}

std::vector<std::pair<double, double>> pareto_front(std::vector<std::pair<double, double>> points) {
  std::sort(points.begin(), points.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first < b.first : a.second > b.second; });
  std::vector<std::pair<double, double>> front;
  for (const auto& point : points)
    if (front.empty() || point.second > front.back().second) front.push_back(point);
  return front;
}

std::vector<Section> sections_of(const ReportFiles& files, const Projection& projection) {
  ByTask by_task;
  for (const EvaluationFile& file : files.evaluations) by_task[{file.task, file.effort}].push_back(file);
  std::vector<Section> sections;
  const auto add = [&](Section section) {
    if (!section.table.rows.empty()) sections.push_back(std::move(section));
  };
  add(by_parameters(by_task));
  for (const auto& [task, evaluations] : by_task) {
    const std::string name = task.first + " " + task.second;
    for (const Axis& axis : axes()) add(by_cost(name, evaluations, axis.title, axis.label, axis.format, axis.value));
    if (projection)
      add(by_cost(name, evaluations, "projected seconds", "projected seconds per question", "%.3f", projection));
    add(by_budget(name, evaluations));
  }
  for (const BenchFile& bench : files.benches) add(speeds(bench));
  for (const StudyFile& study : files.studies) {
    add({.title = "Study " + study.name + ": claims", .text = study.question, .chart = {}, .table = study.claims});
    add({.title = "Study " + study.name + ": every arm", .text = {}, .chart = {}, .table = study.arms});
  }
  return sections;
}

}  // namespace starnest
