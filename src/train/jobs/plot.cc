#include "train/jobs/plot.h"

#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>

#include "base/output.h"
#include "base/text.h"
#include "format/json/jsonl.h"
#include "program/terminal.h"
#include "report/page.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

// What a chart shows of one line of the log, of the run as a whole or of one size.
struct Metric {
  const char *title, *unit;
  bool log_y;
  std::function<std::optional<double>(const JsonRecord&)> value;
};

std::function<std::optional<double>(const JsonRecord&)> number(const char* key) {
  return [key](const JsonRecord& record) { return record.find_number(key); };
}

// A share of the development metric.
std::function<std::optional<double>(const JsonRecord&)> share(const char* way, const char* part) {
  return [way, part](const JsonRecord& record) -> std::optional<double> {
    const auto dev = record.find_object("dev");
    const auto of_way = dev ? dev->find_object(way) : std::nullopt;
    const auto value = of_way ? of_way->find_number(part) : std::nullopt;
    return value ? std::optional(100 * *value) : std::nullopt;
  };
}

std::optional<double> dev_loss(const JsonRecord& record) {
  const auto dev = record.find_object("dev");
  return dev ? dev->find_number("loss") : std::nullopt;
}

std::optional<double> clipped(const JsonRecord& record) {
  const auto flag = record.find_flag("clipped");
  return flag ? std::optional(*flag ? 100.0 : 0.0) : std::nullopt;
}

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all{
      {"Loss", "nats per completion position", false, number("loss")},
      {"KL from the parent", "nats per completion position", true, number("kl")},
      {"Development: long traces right", "%", false, share("long", "whole")},
      {"Development: terse traces right", "%", false, share("terse", "whole")},
      {"Development: answers after a cut trace right", "%", false, share("cut", "answer")},
      {"Development: answers without thinking right", "%", false, share("none", "whole")},
      {"Development: loss on text", "nats per position", false, dev_loss},
      {"Gradient norm before the clip", "norm", true, number("gradient_norm")},
      {"Steps that were clipped", "% of steps", false, clipped},
      {"Cosine with the largest size's gradient", "cosine", false, number("cosine")},
      {"Load of the busiest expert", "times the mean", false, number("worst_load")}};
  return all;
}

using ByName = std::map<std::string, Series>;

void add(ByName& series, const std::string& name, int64_t step, const std::optional<double>& value) {
  if (!value) return;
  series[name].name = name;
  series[name].points.emplace_back(double(step), *value);
}

Section section_of(const Metric& metric, const ByName& by_name) {
  Section section{.title = metric.title,
                  .text = {},
                  .chart = {metric.title, "step", metric.unit, {}, metric.log_y},
                  .table = {{"", "last step", "last value", "smallest", "largest"}, {}}};
  for (const auto& [name, series] : by_name) {
    double low = series.points.front().second, high = low;
    for (const auto& [x, y] : series.points) low = std::min(low, y), high = std::max(high, y);
    section.chart.series.push_back(series);
    const auto& [step, value] = series.points.back();
    section.table.rows.push_back({name, grouped(uint64_t(step)), format_number("%.4g", value),
                                  format_number("%.4g", low), format_number("%.4g", high)});
  }
  return section;
}

}  // namespace

void plot(const PlotSettings& settings) {
  std::filesystem::path log = settings.log;
  if (std::filesystem::is_directory(log)) log = log / "training" / "log.jsonl";
  const NamedPath out{"--out", settings.out}, input{"plot", log};
  check_outputs({&out, 1}, {&input, 1});
  AtomicFile page(settings.out);
  std::vector<ByName> series(metrics().size());
  int64_t steps = 0, tokens = 0;
  for (const JsonRecord& record : read_jsonl(log)) {
    const int64_t step = record.integer("step");
    for (size_t m = 0; m < metrics().size(); ++m) add(series[m], "run", step, metrics()[m].value(record));
    if (const auto sizes = record.find_object("sizes"))
      for (const std::string& name : sizes->keys())
        for (size_t m = 0; m < metrics().size(); ++m)
          add(series[m], name, step, metrics()[m].value(sizes->object(name)));
    steps = step;
    tokens = record.find_integer("tokens").value_or(0);
  }
  if (steps == 0) throw Error(log.string(), "holds no step");
  std::vector<Section> sections;
  for (size_t m = 0; m < metrics().size(); ++m)
    if (!series[m].empty()) sections.push_back(section_of(metrics()[m], series[m]));
  page.write(html_page(
      log.string() + ": " + grouped(uint64_t(steps)) + " steps, " + grouped(uint64_t(tokens)) + " tokens", sections));
  page.commit();
  print(stdout, "%s: %zu charts of %s steps\n", settings.out.c_str(), sections.size(),
        grouped(uint64_t(steps)).c_str());
}

}  // namespace starnest::train
