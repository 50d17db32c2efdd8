#include "report/page.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "format/json/jsonl.h"
#include "report/chart_js.h"

namespace starnest {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --line: #8884; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.chart { position: relative; height: 20rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 0.2rem 0.8rem 0.2rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; }
@media print { section { break-inside: avoid; } }
)";

// Draws every chart of the page from the data beside it.
constexpr const char* kDraw = R"(
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
Chart.defaults.color = dark ? '#ccc' : '#333';
Chart.defaults.borderColor = '#8883';
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#999999'];
for (const script of document.querySelectorAll('script[type="application/json"]')) {
  const data = JSON.parse(script.textContent);
  const bars = data.kind === 'bars', points = data.kind === 'scatter';
  new Chart(script.previousElementSibling.firstElementChild, {
    type: bars ? 'bar' : 'line',
    data: { labels: bars ? data.categories : undefined, datasets: data.series.map((s, i) => ({
      label: s.name, data: bars ? s.y : s.x.map((x, j) => ({ x, y: s.y[j] })), borderColor: colours[i % colours.length],
      showLine: !points || s.name.startsWith('front'),
      backgroundColor: colours[i % colours.length], borderWidth: bars ? 0 : 1.5,
      pointRadius: points ? 4 : s.x.length > 60 ? 0 : 2 })) },
    options: { animation: false, maintainAspectRatio: false, parsing: bars ? undefined : false, normalized: true,
      interaction: { mode: 'nearest', axis: points ? 'xy' : 'x', intersect: false },
      scales: { x: { type: bars ? 'category' : 'linear', title: { display: true, text: data.x_label } },
                y: { type: data.log_y ? 'logarithmic' : 'linear', title: { display: true, text: data.y_label } } } }
  });
}
)";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// JSON inside a script element: no "<" may end the element.
std::string in_script(const std::string& json) {
  std::string out;
  for (const char c : json) c == '<' ? void(out += "\\u003c") : void(out += c);
  return out;
}

Series thinned(const Series& series, bool log_y, size_t most_points) {
  Series kept{series.name, {}};
  for (const auto& [x, y] : series.points)
    if (std::isfinite(x) && std::isfinite(y) && (!log_y || y > 0)) kept.points.emplace_back(x, y);
  if (kept.points.size() <= most_points) return kept;
  const size_t group = (kept.points.size() + most_points - 1) / most_points;
  Series means{series.name, {}};
  for (size_t first = 0; first < kept.points.size(); first += group) {
    const size_t count = std::min(group, kept.points.size() - first);
    double x = 0, y = 0;
    for (size_t i = first; i < first + count; ++i) x += kept.points[i].first, y += kept.points[i].second;
    means.points.emplace_back(x / double(count), y / double(count));
  }
  return means;
}

const char* name_of(ChartKind kind) {
  return kind == ChartKind::bars ? "bars" : kind == ChartKind::scatter ? "scatter" : "line";
}

std::string chart_html(const Chart& chart, size_t most_points) {
  std::vector<JsonLine> series;
  for (const Series& whole : chart.series) {
    std::vector<double> x, y;
    for (const auto& [at, value] : thinned(whole, chart.log_y, most_points).points) x.push_back(at), y.push_back(value);
    series.push_back(
        JsonLine().set("name", whole.name).set("x", std::span<const double>(x)).set("y", std::span<const double>(y)));
  }
  const JsonLine data = JsonLine()
                            .set("x_label", chart.x_label)
                            .set("y_label", chart.y_label)
                            .set("log_y", chart.log_y)
                            .set("kind", name_of(chart.kind))
                            .set("categories", std::span<const std::string>(chart.categories))
                            .set("series", std::span<const JsonLine>(series));
  return "<div class=\"chart\"><canvas role=\"img\" aria-label=\"" + escaped(chart.title) +
         "\"></canvas></div><script type=\"application/json\">" + in_script(data.text()) + "</script>\n";
}

std::string row_html(const std::vector<std::string>& cells, const std::string& tag) {
  std::string row = "<tr>";
  for (const std::string& cell : cells)
    row.append("<").append(tag).append(">").append(escaped(cell)).append("</" + tag + ">");
  return row + "</tr>\n";
}

std::string table_html(const Table& table) {
  std::string html = "<div class=\"table\"><table>\n" + row_html(table.header, "th");
  for (const auto& row : table.rows) {
    SN_CHECK(row.size() == table.header.size(), "a row has as many cells as the header");
    html += row_html(row, "td");
  }
  return html + "</table></div>\n";
}

}  // namespace

std::string html_page(const std::string& title, const std::vector<Section>& sections, size_t most_points) {
  SN_CHECK(most_points >= 1, "a chart has at least one point");
  std::string html = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n";
  html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  html.append("<title>")
      .append(escaped(title))
      .append("</title><style>")
      .append(kStyle)
      .append("</style></head><body>\n");
  html.append("<h1>").append(escaped(title)).append("</h1>\n");
  for (const Section& section : sections) {
    html.append("<section><h2>").append(escaped(section.title)).append("</h2>\n");
    if (!section.text.empty()) html.append("<p>").append(escaped(section.text)).append("</p>\n");
    if (!section.chart.series.empty()) html += chart_html(section.chart, most_points);
    if (!section.table.header.empty()) html += table_html(section.table);
    html += "</section>\n";
  }
  html.append("<script>\n")
      .append(kChartJsLicence)
      .append(chart_js())
      .append("\n</script>\n<script>")
      .append(kDraw)
      .append("</script>\n");
  return html + "</body></html>\n";
}

}  // namespace starnest
