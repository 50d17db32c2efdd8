#include "tasks/family.h"

#include <array>

#include "base/text.h"
#include "starnest/error.h"

namespace starnest::tasks {

std::span<const std::unique_ptr<const Family>> families() {
  static const std::array<std::unique_ptr<const Family>, 9> registry{
      serial_arithmetic(10), serial_arithmetic(97), pointer_chasing(), chain(), column_addition(),
      swap_tracking(4),      swap_tracking(5),      iteration(),       facts(),
  };
  return registry;
}

const Family& family_named(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& family : families()) {
    if (family->info().name == name) return *family;
    known.push_back(family->info().name);
  }
  throw Error({.where = "task family", .what = "no such family", .got = in_quotes(name), .hint = suggest(name, known)});
}

}  // namespace starnest::tasks
