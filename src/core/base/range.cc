#include "core/base/range.h"

#include <limits>

#include "core/base/text.h"
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

void require_real(std::string_view where, double value, double low, double high, Bound lower) {
  if ((lower == Bound::open ? value > low : value >= low) && value <= high) return;
  const auto text = [](double number) { return format_number("%g", number); };
  const std::string least = (lower == Bound::open ? "more than " : "") + text(low);
  throw Error({.where = std::string(where),
               .what = "is out of range",
               .expected = high == std::numeric_limits<double>::max() ? least + (lower == Bound::open ? "" : " or more")
                                                                      : least + " to " + text(high),
               .got = text(value)});
}

}  // namespace starnest
