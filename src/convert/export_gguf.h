// One size of a family as a GGUF file, for llama.cpp and its kin: `starnest export --gguf`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "arch/family_spec.h"
#include "base/progress.h"
#include "convert/export_plan.h"
#include "convert/output_folder.h"

namespace starnest {

struct ExportOptions {
  GgufFormat format = GgufFormat::as_stored;
  Overwrite overwrite = Overwrite::refuse;            // of a file that is there
  Progress progress = {};                             // in bytes of tensor data
  std::function<void(const std::string&)> note = {};  // a sentence about something that is left out or odd
};

struct ExportResult {
  uint64_t tensors = 0;
  uint64_t bytes = 0;  // of tensor data
  std::map<GgmlType, uint64_t> bytes_of;
};

// Writes `size` at `out`: the numbers that `slice` keeps, under the names, in the shapes and with the keys that
// llama.cpp's own converter gives the slice, and the tokenizer. The file appears when everything is done.
//
// Streams from the memory map: memory grows with the scales of the largest NVFP4 tensor at most.
//
// Throws Error, and leaves `out` as it was, for: a file that is there and may not be replaced; a size with different
// widths in different blocks; a number that the type cannot hold; and whatever plan_gguf, gguf_vocabulary,
// PairedCheckpoint and the disk refuse.
ExportResult export_gguf(const FamilySpec& family, const Size& size, const std::filesystem::path& out,
                         const ExportOptions& options = {});

}  // namespace starnest
