#include "base/byte_count.h"

#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest {

std::optional<double> bytes_in_unit(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits{{{"KiB", 0x1p10},
                                                                       {"MiB", 0x1p20},
                                                                       {"GiB", 0x1p30},
                                                                       {"TiB", 0x1p40},
                                                                       {"KB", 1e3},
                                                                       {"MB", 1e6},
                                                                       {"GB", 1e9},
                                                                       {"TB", 1e12}}};
  for (const auto& [name, bytes] : kUnits)
    if (name == unit) return bytes;
  return std::nullopt;
}

uint64_t parse_byte_count(const std::string& where, std::string_view text) {
  constexpr double kMost = 0x1p60;  // beyond any machine, and far from where sums overflow
  double number = 0;
  const char *const begin = text.data(), *const end = begin + text.size();
  const auto [stop, problem] = std::from_chars(begin, end, number, std::chars_format::fixed);
  std::string_view unit(stop, size_t(end - stop));
  if (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const double bytes = number * bytes_in_unit(unit).value_or(0);
  if (problem == std::errc() && bytes >= 1 && bytes <= kMost) return uint64_t(bytes);
  throw Error({.where = where,
               .what = "is no amount of memory",
               .expected = std::string("a number with ") + kByteUnits + ", such as 16GiB",
               .got = in_quotes(text)});
}

}  // namespace starnest
