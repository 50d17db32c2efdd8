#include "base/encoding.h"

#include <array>
#include <cstddef>

namespace starnest {

std::string_view name_of(Encoding encoding) {
  constexpr std::array<std::string_view, 5> kNames{"F32", "BF16", "F16", "FP8", "NVFP4"};
  return kNames[size_t(encoding)];
}

}  // namespace starnest
