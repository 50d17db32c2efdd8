#include "base/range.h"

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {

void require_range(std::string_view where, int64_t value, int64_t low, int64_t high, std::string hint) {
  if (value >= low && value <= high) return;
  throw Error({.where = std::string(where),
               .what = "is out of range",
               .expected = std::to_string(low) + " to " + std::to_string(high),
               .got = std::to_string(value),
               .hint = std::move(hint)});
}

void require_at_least(std::string_view where, int64_t value, int64_t low) {
  if (value >= low) return;
  throw Error({.where = std::string(where),
               .what = "is too small",
               .expected = "at least " + std::to_string(low),
               .got = std::to_string(value)});
}

void require_real(std::string_view where, double value, const RealRange& range) {
  const bool above = range.without_low ? value > range.low : value >= range.low;
  const bool below = range.without_high ? value < range.high : value <= range.high;
  if (above && below) return;
  const auto text = [](double number) { return format_number("%.10g", number); };
  std::string expected = (range.without_low ? "more than " : "") + text(range.low);
  if (range.high < std::numeric_limits<double>::max())
    expected += (range.without_high ? " to less than " : " to ") + text(range.high);
  else if (!range.without_low)
    expected += " or more";
  throw Error({.where = std::string(where), .what = "is out of range", .expected = expected, .got = text(value)});
}

}  // namespace starnest
