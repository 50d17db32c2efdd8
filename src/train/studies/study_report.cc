#include "train/studies/study_report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "format/json/jsonl.h"

namespace starnest::train {
namespace {

double mean_of(const ArmResult& arm, double Outcome::* value) {
  double sum = 0;
  for (const Outcome& outcome : arm.outcomes) sum += outcome.*value / double(arm.outcomes.size());
  return sum;
}

std::string one_decimal(double value) { return format_number("%.1f", value); }

std::string list_text(const std::vector<double>& values) {
  std::vector<std::string> parts;
  for (const double value : values) parts.push_back(one_decimal(value));
  return join(parts, " ");
}

Table arms_table(const StudyResult& result) {
  Table table{{"arm", "size", "long", "terse", "cut", "KL", "tokens", "long of every " + result.unit}, {}};
  for (const ArmResult& arm : result.arms) {
    std::vector<double> each;
    for (const Outcome& outcome : arm.outcomes) each.push_back(outcome.whole);
    table.rows.push_back({arm.arm, arm.size, one_decimal(mean_of(arm, &Outcome::whole)),
                          one_decimal(mean_of(arm, &Outcome::terse)), one_decimal(mean_of(arm, &Outcome::cut)),
                          format_number("%.4f", mean_of(arm, &Outcome::kl)),
                          grouped(uint64_t(arm.outcomes.front().tokens)), list_text(each)});
  }
  return table;
}

Table claims_table(const StudyResult& result) {
  Table table{{"predicted", "size", "difference", "95 % interval", "adjusted p", "verdict", "every " + result.unit},
              {}};
  for (const ClaimResult& claim : result.claims)
    table.rows.push_back({claim.claim.prediction + " (" + claim.claim.first + " - " + claim.claim.second + ")",
                          claim.claim.size, format_number("%+.1f", claim.mean.mean),
                          std::isfinite(claim.mean.interval.low)
                              ? format_number("%+.1f", claim.mean.interval.low) + " to " +
                                    format_number("%+.1f", claim.mean.interval.high)
                              : "none (one " + result.unit + ")",
                          format_number("%.3f", claim.adjusted_p), claim.verdict(), list_text(claim.differences)});
  return table;
}

// Accuracy against passes of every arm at one size, as means over the repetitions that were measured there.
Chart curves(const StudyResult& result, const std::string& size) {
  Chart chart{size + ": long traces right against passes", "tokens read by this size", "%", {}};
  for (const ArmResult& arm : result.arms) {
    if (arm.size != size || arm.outcomes.front().curve.size() < 2) continue;
    Series series{arm.arm, {}};
    size_t points = arm.outcomes.front().curve.size();
    for (const Outcome& outcome : arm.outcomes) points = std::min(points, outcome.curve.size());
    for (size_t i = 0; i < points; ++i) {
      double x = 0, y = 0;
      for (const Outcome& outcome : arm.outcomes) x += outcome.curve[i].first, y += outcome.curve[i].second;
      series.points.emplace_back(x / double(arm.outcomes.size()), y / double(arm.outcomes.size()));
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

// Tokens that an arm reads until it is where another one ends; the first measurement at or above it.
std::string passes_to_reach(const ArmResult& arm, const ArmResult& goal) {
  std::vector<std::string> each;
  for (size_t i = 0; i < arm.outcomes.size(); ++i) {
    std::string text = "never";
    for (const auto& [tokens, whole] : arm.outcomes[i].curve)
      if (whole >= goal.outcomes[i].whole) {
        text = grouped(uint64_t(tokens));
        break;
      }
    each.push_back(text);
  }
  return join(each, ", ");
}

Table reach_table(const StudyResult& result) {
  Table table{
      {"size", "arm", "tokens until the " + result.arms.front().arm + " arm's end is reached, every " + result.unit},
      {}};
  for (const ArmResult& goal : result.arms) {
    if (goal.arm != result.arms.front().arm) continue;
    for (const ArmResult& arm : result.arms)
      if (arm.size == goal.size && arm.outcomes.front().curve.size() > 1)
        table.rows.push_back({arm.size, arm.arm, passes_to_reach(arm, goal)});
  }
  return table;
}

// Columns as wide as their widest cell.
std::string columns(const Table& table) {
  std::vector<size_t> widths(table.header.size());
  std::vector<std::vector<std::string>> rows{table.header};
  rows.insert(rows.end(), table.rows.begin(), table.rows.end());
  for (const auto& row : rows)
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) line += row[c] + std::string(widths[c] - row[c].size() + 2, ' ');
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

JsonLine outcome_json(const Outcome& outcome) {
  std::vector<double> tokens, whole;
  for (const auto& [x, y] : outcome.curve) tokens.push_back(x), whole.push_back(y);
  return JsonLine()
      .set("long", outcome.whole)
      .set("terse", outcome.terse)
      .set("cut", outcome.cut)
      .set("kl", outcome.kl)
      .set("tokens", outcome.tokens)
      .set("curve_tokens", std::span<const double>(tokens))
      .set("curve_long", std::span<const double>(whole));
}

}  // namespace

std::string ClaimResult::verdict() const {
  if (mean.interval.low > -kMargin && mean.interval.high < kMargin) return "equal";
  if (adjusted_p >= 0.05) return "undecided";
  return mean.mean > 0 ? "better" : "worse";
}

StudyResult collect(const StudySettings& settings, const Study& study) {
  StudyResult result{settings.name, study.question(), study.unit(), {}, {}};
  for (int unit = 1; unit <= study.units(); ++unit)
    for (const Arm& arm : study.arms(unit))
      for (const Source& source : arm.sources) {
        auto found = std::find_if(result.arms.begin(), result.arms.end(),
                                  [&](const ArmResult& a) { return a.arm == arm.name && a.size == source.size; });
        if (found == result.arms.end()) found = result.arms.insert(result.arms.end(), {arm.name, source.size, {}});
        found->outcomes.push_back(outcome_of(settings.out, source));
      }
  const auto of = [&](const std::string& arm, const std::string& size) -> const ArmResult& {
    return *std::find_if(result.arms.begin(), result.arms.end(),
                         [&](const ArmResult& a) { return a.arm == arm && a.size == size; });
  };
  std::vector<double> p;
  for (const Claim& claim : study.claims()) {
    ClaimResult entry{claim, {}, {}};
    const ArmResult &first = of(claim.first, claim.size), &second = of(claim.second, claim.size);
    for (size_t i = 0; i < first.outcomes.size(); ++i)
      entry.differences.push_back(first.outcomes[i].whole - second.outcomes[i].whole);
    entry.mean = mean_difference(entry.differences);
    p.push_back(entry.mean.p);
    result.claims.push_back(std::move(entry));
  }
  const std::vector<double> adjusted = holm(p);
  for (size_t i = 0; i < adjusted.size(); ++i) result.claims[i].adjusted_p = adjusted[i];
  return result;
}

std::string to_json(const StudyResult& result) {
  std::vector<JsonLine> arms, claims;
  for (const ArmResult& arm : result.arms) {
    std::vector<JsonLine> outcomes;
    for (const Outcome& outcome : arm.outcomes) outcomes.push_back(outcome_json(outcome));
    arms.push_back(
        JsonLine().set("arm", arm.arm).set("size", arm.size).set("outcomes", std::span<const JsonLine>(outcomes)));
  }
  for (const ClaimResult& claim : result.claims)
    claims.push_back(JsonLine()
                         .set("prediction", claim.claim.prediction)
                         .set("first", claim.claim.first)
                         .set("second", claim.claim.second)
                         .set("size", claim.claim.size)
                         .set("differences", std::span<const double>(claim.differences))
                         .set("mean", claim.mean.mean)
                         .set("low", claim.mean.interval.low)
                         .set("high", claim.mean.interval.high)
                         .set("adjusted_p", claim.adjusted_p)
                         .set("verdict", claim.verdict()));
  return JsonLine()
             .set("study", result.name)
             .set("question", result.question)
             .set("unit", result.unit)
             .set("arms", std::span<const JsonLine>(arms))
             .set("claims", std::span<const JsonLine>(claims))
             .text() +
         "\n";
}

std::string to_page(const StudyResult& result) {
  std::vector<Section> sections{
      {.title = "Claims",
       .text = "Written down before anything ran. Points of long traces right; p by Student's t over every " +
               result.unit + ", adjusted by Holm's method; equal: the interval lies within 2 points.",
       .chart = {},
       .table = claims_table(result)},
      {.title = "Every arm",
       .text = "Percent of the development problems: long and terse traces right, answers after a trace cut one step "
               "short. KL in nats per completion position from the parent (0: not measured).",
       .chart = {},
       .table = arms_table(result)}};
  std::vector<std::string> sizes;
  for (const ArmResult& arm : result.arms)
    if (std::find(sizes.begin(), sizes.end(), arm.size) == sizes.end()) sizes.push_back(arm.size);
  for (const std::string& size : sizes) {
    const Chart chart = curves(result, size);
    if (!chart.series.empty()) sections.push_back({.title = chart.title, .text = {}, .chart = chart, .table = {}});
  }
  if (const Table reach = reach_table(result); !reach.rows.empty())
    sections.push_back({.title = "Passes", .text = {}, .chart = {}, .table = reach});
  return html_page(result.name + ": " + result.question, sections);
}

std::string to_text(const StudyResult& result) {
  std::vector<std::string> tables{columns(arms_table(result)), columns(claims_table(result))};
  if (const Table reach = reach_table(result); !reach.rows.empty()) tables.push_back(columns(reach));
  return join(tables, "\n");
}

}  // namespace starnest::train
