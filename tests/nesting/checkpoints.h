// The checkpoints of tests/golden, plain and quantised.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "arch/quantization_preset.h"
#include "base/test_support.h"
#include "convert/quantize.h"
#include "golden.h"

namespace starnest {

// "moe_f32" is the checkpoint as it lies there, "moe_f32/lightning" that quantised with a preset. Widths of grouped_f32
// are no multiples of 16.
inline const std::vector<std::string> kCheckpoints{
    "moe_f32",        "dense_f32",         "grouped_f32",   "mixed_bf16",        "wide_bf16", "mixed_bf16/all-4bit",
    "mixed_bf16/fp8", "moe_f32/lightning", "dense_f32/fp8", "wide_bf16/all-4bit"};

inline std::string golden_of(const std::string& checkpoint) { return checkpoint.substr(0, checkpoint.find('/')); }

// Quantised when it is asked for first.
inline std::filesystem::path folder_of(const std::string& checkpoint) {
  const std::string golden = golden_of(checkpoint);
  if (golden == checkpoint) return golden::folder(golden);
  static const TestFolder kFolder;
  const std::filesystem::path out = kFolder / checkpoint;
  if (!std::filesystem::exists(out))
    quantize(read_family(golden::folder(golden)), quantization_preset(checkpoint.substr(golden.size() + 1)), out);
  return out;
}

inline std::string test_name(const testing::TestParamInfo<std::string>& checkpoint) {
  std::string name = checkpoint.param;
  for (char& c : name)
    if (c == '/' || c == '-') c = '_';
  return name;
}

}  // namespace starnest
