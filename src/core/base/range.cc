#include "core/base/range.h"

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

}  // namespace starnest
