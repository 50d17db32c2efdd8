#include "format/weights/safetensors.h"

#include "base/check.h"
#include "target.h"

namespace starnest::fuzz {

void safetensors(std::string_view bytes) {
  const auto file = std::as_bytes(std::span(bytes.data(), bytes.size()));
  const SafetensorsLayout layout = parse_safetensors(file, "fuzz");
  size_t covered = layout.data_begin;
  for (const TensorInfo& tensor : layout.tensors) {
    SN_CHECK(layout.data_begin + tensor.end <= file.size(), "a tensor reaches past the file");
    covered += tensor.end - tensor.begin;
    if (tensor.begin < tensor.end) load_f32(DType::u8, file.data() + layout.data_begin, tensor.end - 1);
  }
  SN_CHECK(covered == file.size(), "the tensors do not cover the file");
}

}  // namespace starnest::fuzz
