// What `starnest quantize` prints.
#pragma once

#include <string>
#include <string_view>

#include "convert/quantize.h"

namespace starnest::cli {

struct QuantizeFacts {
  const QuantizeResult* result = nullptr;
  std::string_view preset;
  std::string scales, out;
};

// A table: for each part of the model and each format, tensors, bytes and NMSE, sum (q-w)^2 / sum w^2.
std::string quantize_text(const QuantizeFacts& facts);
std::string quantize_json(const QuantizeFacts& facts);  // the same for each tensor

}  // namespace starnest::cli
