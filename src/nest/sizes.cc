#include "nest/sizes.h"

namespace starnest {

std::optional<size_t> Sizes::named(std::string_view name) const {
  for (size_t size = 1; size <= largest(); ++size)
    if (at(size).name == name) return size;
  return std::nullopt;
}

std::vector<Size> Sizes::largest_first() const {
  const std::span<const Size> sizes = ascending();
  return {sizes.rbegin(), sizes.rend()};
}

std::vector<std::string> Sizes::names() const {
  std::vector<std::string> names;
  for (const Size& size : largest_first()) names.push_back(size.name);
  return names;
}

}  // namespace starnest
