// Charts and tables as one HTML page that needs no network.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace starnest {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // (x, y), x ascending; points that are not finite are left out
};

enum class ChartKind {
  line,     // points joined in their order
  scatter,  // points alone; series whose name begins with "front" are joined
  bars,     // one group per entry of `categories`; x of a point is its number, from 0
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<Series> series;
  bool log_y = false;  // points at or below 0 are left out
  ChartKind kind = ChartKind::line;
  std::vector<std::string> categories = {};  // of bars
};

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // as many cells as the header
};

struct Section {
  std::string title, text;  // plain text
  Chart chart;              // without series: none
  Table table;              // without header: none
};

// The whole page: Chart.js (with its licence), the data and the style are in it. Light or dark as the reader's system
// is; a table stands under each chart. All texts are escaped. A series of more than `most_points` points is thinned to
// means over equal numbers of points.
std::string html_page(const std::string& title, const std::vector<Section>& sections, size_t most_points = 600);

}  // namespace starnest
