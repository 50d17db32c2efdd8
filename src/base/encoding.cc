#include "base/encoding.h"

#include <array>
#include <cstddef>
#include <vector>

#include "base/text.h"

namespace starnest {

std::string_view name_of(Encoding encoding) {
  constexpr std::array<std::string_view, 5> kNames{"F32", "BF16", "F16", "FP8", "NVFP4"};
  return kNames[size_t(encoding)];
}

std::string names_of(std::span<const Encoding> encodings) {
  std::vector<std::string> names;
  for (const Encoding encoding : encodings) names.emplace_back(name_of(encoding));
  return join(names, ", ");
}

}  // namespace starnest
