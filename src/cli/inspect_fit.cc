#include "cli/inspect_fit.h"

#include <algorithm>

#include "base/range.h"
#include "base/text.h"
#include "cli/common.h"

namespace starnest::cli {
namespace {

uint64_t bytes_of(const FitRow& row) { return row.need.bytes(row.load); }

FitRow row_of(std::string size, std::string_view format, const MemoryNeed& need, const FitQuestion& asked,
              uint64_t most) {
  FitRow row{.size = std::move(size), .format = std::string(format), .need = need};
  row.longest = need.longest_context(asked.memory, asked.sequences, most);
  row.load = {asked.context ? asked.context : std::max<uint64_t>(row.longest, 1), asked.sequences};
  row.fits = bytes_of(row) <= asked.memory;
  return row;
}

std::string sequences_text(const FitQuestion& asked) {
  std::string text = grouped(asked.sequences) + (asked.sequences == 1 ? " sequence" : " sequences");
  if (asked.context) text += " of " + grouped(asked.context) + (asked.context == 1 ? " token" : " tokens");
  return text;
}

std::string context_text(const FitRow& row) {
  if (row.fits) return grouped(row.longest);
  return row.longest == 0 ? "does not fit" : "does not fit; " + grouped(row.longest) + " would";
}

}  // namespace

const FitRow& FitFacts::least() const {
  return *std::min_element(rows.begin(), rows.end(),
                           [](const FitRow& a, const FitRow& b) { return bytes_of(a) < bytes_of(b); });
}

bool FitFacts::any() const {
  return std::any_of(rows.begin(), rows.end(), [](const FitRow& row) { return row.fits; });
}

FitFacts fit_of(const ModelFacts& facts, const FitQuestion& asked) {
  const FamilySpec& family = *facts.family;
  const int most = most_context(family.spec);
  require_range("--context", int64_t(asked.context), 0, most, "0 takes the longest that fits");
  FitFacts fit{asked, {}};
  size_t number = family.sizes.largest();
  for (const SizeFacts& size : facts.sizes) {
    const std::string& name = size.size->name;
    if (facts.needs) fit.rows.push_back(row_of(name, "as stored", facts.needs->at(number), asked, uint64_t(most)));
    for (size_t f = 0; f < kFormats.size(); ++f) {
      const MemoryNeed need = memory_need(family.spec, size.size->widths, size.cost[f].bytes, DType::bf16);
      fit.rows.push_back(row_of(name, name_of(kFormats[f]), need, asked, uint64_t(most)));
    }
    --number;
  }
  return fit;
}

std::string fit_text(const FitFacts& fit) {
  std::vector<std::vector<std::string>> rows{{"in " + bytes_text(fit.asked.memory) + ", " + sequences_text(fit.asked),
                                              "weights", "per sequence", "in all", "longest context"}};
  for (const FitRow& row : fit.rows)
    rows.push_back({row.size + " " + row.format, bytes_text(row.need.weights),
                    bytes_text(row.need.per_sequence(row.load.context)), bytes_text(bytes_of(row)), context_text(row)});
  std::string text = table_text(rows);
  if (fit.any()) return text;
  const FitRow& least = fit.least();
  return text + "Nothing fits: " + visible(least.size) + " " + least.format + ", which needs least, needs " +
         bytes_text(bytes_of(least)) + (fit.asked.context ? "" : " with the shortest context") + "\n";
}

}  // namespace starnest::cli
