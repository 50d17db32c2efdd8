#include "report/page.h"

#include <gtest/gtest.h>

#include "report/chart_js.h"

namespace starnest {
namespace {

bool contains(std::string_view page, std::string_view part) { return page.find(part) != std::string::npos; }

TEST(Page, NeedsNothingFromOutside) {
  const std::string page = html_page("Run", {{.title = "Loss", .text = {}, .chart = {}, .table = {}}});
  EXPECT_TRUE(contains(page, chart_js()));
  EXPECT_TRUE(contains(chart_js(), "Chart.js v"));
  EXPECT_TRUE(contains(page, "Permission is hereby granted"));
  const std::string own = page.substr(0, page.find("Chart.js v"));
  for (const char* outside : {"http:", "https:", "src=", "href="}) EXPECT_FALSE(contains(own, outside)) << outside;
}

TEST(Page, DataAndTablesAreInIt) {
  const std::string page = html_page(
      "Run",
      {{.title = "Loss",
        .text = "as it fell",
        .chart = {.title = "loss", .x_label = "step", .y_label = "nats", .series = {{"a", {{1, 2.5}, {2, 0.5}}}}},
        .table = {.header = {"size", "KL"}, .rows = {{"small", "0.02"}}}}});
  EXPECT_TRUE(contains(page, R"("x_label":"step")"));
  EXPECT_TRUE(contains(page, R"({"name":"a","x":[1,2],"y":[2.5,0.5]})"));
  EXPECT_TRUE(contains(page, "<tr><td>small</td><td>0.02</td></tr>"));
  EXPECT_TRUE(contains(page, "<p>as it fell</p>"));
}

TEST(Page, TextCannotBecomeMarkup) {
  const std::string evil = "</script><script>alert('&\"')</script>";
  const std::string page =
      html_page(evil, {{.title = evil,
                        .text = evil,
                        .chart = {.title = evil, .x_label = evil, .y_label = {}, .series = {{evil, {{1, 1}}}}},
                        .table = {.header = {evil}, .rows = {{evil}}}}});
  EXPECT_FALSE(contains(page, "<script>alert"));
  EXPECT_TRUE(contains(page, "&lt;/script&gt;"));
}

TEST(Page, LongSeriesAreThinnedToMeansAndLogarithmsSeePositiveValuesOnly) {
  Series series{"s", {}};
  for (int i = 0; i < 10; ++i) series.points.emplace_back(i, i);
  const auto page = [&](bool log_y, size_t most) {
    return html_page("t",
                     {{.title = "t",
                       .text = {},
                       .chart = {.title = "t", .x_label = "x", .y_label = "y", .series = {series}, .log_y = log_y},
                       .table = {}}},
                     most);
  };
  EXPECT_TRUE(contains(page(false, 2), R"("x":[2,7],"y":[2,7])"));
  EXPECT_TRUE(contains(page(true, 100), R"("x":[1,2,3,4,5,6,7,8,9])"));
}

}  // namespace
}  // namespace starnest
