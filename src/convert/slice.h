// Cutting one size out of a family: `starnest slice`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "arch/family_spec.h"
#include "base/progress.h"
#include "convert/output_folder.h"

namespace starnest {

struct SliceOptions {
  PerBlockWidths per_block = PerBlockWidths::refuse;  // allowed, a slice may be one that only starnest loads
  Overwrite overwrite = Overwrite::refuse;            // of a folder that is not empty
  std::vector<std::filesystem::path> inputs = {};     // beside the model: read too, and never replaced
  Progress progress = {};                             // in bytes of tensor data
  std::function<void(const std::string&)> note = {};  // a sentence about something that is left out
};

struct SliceResult {
  uint64_t tensors = 0;
  uint64_t bytes = 0;  // of tensor data
  uint64_t shards = 0;
};

// Writes `size` as an ordinary Hugging Face folder at `out`: the kept ranges of every tensor with dtype, name and shard
// as in the source (blocks behind a dropped one move up), config.json with the widths in the source's generation of
// names, no mtp.* layers, and every other value as it was written (Infinity as the bare word), the index, all small
// files but elastic.json, and SHA256SUMS. Nothing appears at `out` before all is done.
//
// Quantised tensors are cut as bytes and keep the family's scales: the slice equals the slice of the unquantised
// family, quantised with those scales. What the JSON says of them is rewritten.
//
// Streams from the memory map and gives the pages back, so memory does not grow with the model.
//
// Throws Error, and leaves `out` as it was, for: a model quantised by another program than ModelOpt (or this one); a
// size that cuts through a block of NVFP4, or with different widths in different blocks, unless options.per_block
// allows it; and whatever PairedCheckpoint, OutputFolder and the disk refuse. What PairedCheckpoint says is not used is
// left out with a note.
SliceResult slice(const FamilySpec& family, const Size& size, const std::filesystem::path& out,
                  const SliceOptions& options = {});

}  // namespace starnest
