#include "tasks/family.h"

#include <array>

#include "core/base/text.h"
#include "starnest/error.h"

namespace starnest::tasks {

std::span<const std::unique_ptr<const Family>> families() {
  static const std::array<std::unique_ptr<const Family>, 2> registry{
      serial_arithmetic(10),
      serial_arithmetic(97),
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
