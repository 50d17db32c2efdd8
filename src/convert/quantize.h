// A family as FP8 or NVFP4: `starnest quantize`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "arch/family_spec.h"
#include "arch/quantization_preset.h"
#include "base/progress.h"
#include "base/quantized.h"
#include "convert/output_folder.h"

namespace starnest {

struct QuantizeOptions {
  ScaleRule scales = ScaleRule::mse;                  // of the blocks of NVFP4
  std::string version = {};                           // of this program, for the JSON
  std::string elastic = {};                           // text of elastic.json; empty: the family's own file
  Overwrite overwrite = Overwrite::refuse;            // of a folder that is not empty
  std::vector<std::filesystem::path> inputs = {};     // beside the model: read too, and never replaced
  Progress progress = {};                             // in bytes read; what is quantised is read twice
  std::function<void(const std::string&)> note = {};  // a sentence about something that is left out
};

struct QuantizedTensor {
  std::string name;
  ModulePart part{};
  Encoding from{}, to{};  // equal: its bytes were copied
  uint64_t bytes_before = 0, bytes_after = 0;
  double squares = 0, squared_error = 0;  // sums of w^2 and (q-w)^2; 0 where nothing was quantised
};

struct QuantizeResult {
  std::vector<QuantizedTensor> tensors;  // in the order of the model
  uint64_t bytes = 0;                    // of tensor data
  uint64_t shards = 0;
};

// Writes the whole family at `out`, with the matrices of the preset as NVIDIA's Model Optimizer writes them: weights
// alone, without scales of inputs. What is not quantised keeps its bytes; names and files are those of the source, but
// stacked experts become a matrix each. config.json and hf_quant_config.json say what is quantised; elastic.json and
// the small files are copied. Nothing appears at `out` before all is done.
//
// Holds some rows at a time, and works on all processors. The result depends on the weights, the preset and the rule
// only.
//
// Throws Error, and leaves `out` as it was, for: a tensor that is quantised already; a width that is no multiple of 16
// where NVFP4 is asked for; NaN or infinity, naming the first; and whatever PairedCheckpoint, OutputFolder and the disk
// refuse.
QuantizeResult quantize(const FamilySpec& family, const QuantizationPreset& preset, const std::filesystem::path& out,
                        const QuantizeOptions& options = {});

}  // namespace starnest
