// What a quantised copy of a model holds: which matrices become codes and scales, in which file, under which names.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "arch/paired_checkpoint.h"
#include "arch/quantization_preset.h"
#include "format/json/quantization_config.h"
#include "format/weights/safetensors_writer.h"

namespace starnest {

// A tensor of the copy. Of stacked experts it is one expert's matrix, for that is how quantised ones are stored.
struct PlannedTensor {
  TensorSpec spec;
  ModulePart part{};
  const StoredTensor* source = nullptr;
  uint64_t begin = 0;                // of its numbers in the source, in bytes
  std::vector<uint64_t> shape = {};  // of the numbers
  std::optional<Encoding> to = {};   // nothing: its bytes are copied
  float largest = 0;                 // magnitude, of all that share its tensor scale

  uint64_t elements() const;
  uint64_t source_bytes() const { return elements() * size_of(source->codes.info->dtype); }
  std::string module() const { return std::string(module_of(spec.name)); }
  std::string scale_name() const;             // of the tensor scale
  std::vector<TensorHeader> headers() const;  // what it is stored as
  uint64_t bytes() const;                     // of all of them
};

struct QuantizationPlan {
  std::vector<PlannedTensor> tensors;
  std::map<std::string, std::vector<size_t>> shards;  // numbers of tensors, by file name

  uint64_t bytes() const;  // of tensor data in the copy
};

// `source` must outlive the plan. Throws Error naming the tensor that is quantised already, and one of a width that
// NVFP4 cannot have.
QuantizationPlan plan_quantization(const ModelSpec& spec, const PairedCheckpoint& source,
                                   const QuantizationPreset& preset);

// Gives the query, key and value projections of each block the largest magnitude among them: programs that fuse the
// three take one scale for all.
void share_scales(QuantizationPlan& plan);

// What the JSON of the copy says, for weights without scales of inputs.
QuantizationConfig describe(const QuantizationPlan& plan);

}  // namespace starnest
