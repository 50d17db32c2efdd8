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

}  // namespace starnest
