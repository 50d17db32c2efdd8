// Checks of numbers from outside (flags, settings): Error naming the place, what was allowed and what came.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace starnest {

// "WHERE: is out of range; expected LOW to HIGH, got VALUE. HINT."
void require_range(std::string_view where, int64_t value, int64_t low, int64_t high, std::string hint = {});

// "WHERE: is too small; expected at least LOW, got VALUE."
void require_at_least(std::string_view where, int64_t value, int64_t low);

// Where a real number may lie; its ends are of it unless they are left out.
struct RealRange {
  double low = 0;
  double high = std::numeric_limits<double>::max();
  bool without_low = false;
  bool without_high = false;
};
// "WHERE: is out of range; expected 0 to less than 1, got VALUE." NaN and infinity never lie in one.
void require_real(std::string_view where, double value, const RealRange& range);

}  // namespace starnest
