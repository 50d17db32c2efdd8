// The one copy of a family's weights in memory, and models as views into it.
//
// Every matrix holds the largest resident size, its rows and columns in memory order (core/nest/segments.h), so that
// each size is the top left corner of every matrix. Fused matrices are split into their segments. This is the only
// place where files meet kernels.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "core/arch/family_spec.h"
#include "core/arch/tensors.h"
#include "core/base/progress.h"
#include "core/format/checkpoint.h"
#include "model/model.h"

namespace starnest {

// Immutable after loading; models keep pointers into it, so it must outlive them. Movable.
class Weights {
 public:
  // Reads what `sizes` (smallest first) need from the checkpoint of `spec`. Throws Error for a tensor that is missing,
  // has another shape than the config says, or a type that has no kernel.
  Weights(const ModelSpec& spec, std::vector<Size> sizes, const Checkpoint& checkpoint, const Progress& progress = {});

  Model model(const Widths& size) const;  // of one of the resident sizes
  uint64_t bytes() const { return bytes_; }
  DType dtype() const { return dtype_; }  // of the input embedding

 private:
  // A tensor or, where it is fused, one run of its segments.
  struct Part {
    std::vector<Segment> rows;  // empty for a vector
    std::vector<Segment> cols;
    WeightView all;
  };
  using Key = std::tuple<Role, int /*block*/, int /*expert*/, int /*part*/>;
  struct AlignedFree {
    void operator()(std::byte* bytes) const;
  };

  void load_tensor(const TensorSpec& tensor, const TensorRef& source, const std::string& name);
  WeightView store(DType dtype, size_t rows, size_t cols);
  const Part* find(Role role, int block, int part, int expert) const;
  WeightView matrix(const Widths& size, Role role, int block, int part = 0, int expert = -1) const;
  VecView<const float> vector(const Widths& size, Role role, int block, int part = 0) const;  // empty when absent
  MatView<const float> table(const Widths& size, Role role, int block, int part) const;
  std::vector<HeadPiece> pieces(const Widths& size, const Mamba2Spec& spec, int block) const;
  std::vector<BlockWidths> chain(int block) const;

  struct BuildMixer;

  ModelSpec spec_;
  std::vector<Size> sizes_;
  std::map<Key, Part> parts_;
  std::vector<std::unique_ptr<std::byte, AlignedFree>> buffers_;
  uint64_t bytes_ = 0;
  DType dtype_ = DType::f32;
};

}  // namespace starnest
