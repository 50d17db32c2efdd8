// Checks of numbers from outside (flags, settings): Error naming the place, what was allowed and what came.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starnest {

// "WHERE: is out of range; expected LOW to HIGH, got VALUE. HINT."
void require_range(std::string_view where, int64_t value, int64_t low, int64_t high, std::string hint = {});

// "WHERE: is too small; expected at least LOW, got VALUE."
void require_at_least(std::string_view where, int64_t value, int64_t low);

// The same for a real number, which must not be NaN or infinite. `open`: LOW itself is too small.
enum class Bound { closed, open };
void require_real(std::string_view where, double value, double low, double high, Bound lower = Bound::closed);

}  // namespace starnest
