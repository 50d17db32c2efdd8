// The one copy of a family's weights in memory, in shells.
//
// Every matrix that matmul reads is packed shell by shell (kernels/packed_matrix.h), rows and columns in memory order
// (nest/segments.h); fused matrices are split into their parts. Shell s of all matrices is one region of memory in
// the order of the blocks, so the smallest size is one contiguous stream, a larger size is added by reading its shells
// only, and dropped by giving their regions back. Norms, biases and convolution taps are plain F32 tables of the
// largest resident size.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "arch/family_spec.h"
#include "arch/paired_checkpoint.h"
#include "base/progress.h"
#include "base/view.h"
#include "engine/panel_reader.h"
#include "engine/tensor_layout.h"
#include "kernels/device.h"
#include "kernels/packed_matrix.h"
#include "kernels/threads.h"

namespace starnest {

// How the numbers of a tensor lie in memory.
Encoding resident_encoding(const StoredTensor& tensor);

// Not thread-safe. Views that it hands out are valid until the next load or drop; they point into this object.
class Weights {
 public:
  // Pairs the checkpoint with `spec`; nothing is resident yet. Throws what PairedCheckpoint throws, and Error where a
  // size cuts through a block of NVFP4.
  Weights(const ModelSpec& spec, Sizes sizes, Checkpoint checkpoint, Device& device);
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  // Makes the size of so many shells resident, and with it all smaller ones: reads the shells that are missing, with
  // all threads of `pool`, through one panel-sized buffer per thread. Reports bytes of memory filled. All or nothing:
  // throws Error when a file cannot be read or there is no memory, and whatever `progress` throws, and then everything
  // is as it was, views included.
  void load(size_t shells, ThreadPool& pool, const Progress& progress = {});
  void drop(size_t shells);  // keeps the first `shells`; reads no file
  size_t resident() const { return regions_.size(); }
  uint64_t bytes() const;                  // of resident weights
  uint64_t bytes_of(size_t shells) const;  // that the first `shells` take
  // Of the matrices of all sizes, most bytes first. The router's, which is always F32, does not count.
  const std::vector<Encoding>& encodings() const { return encodings_; }
  Encoding encoding_of(const TensorSpec& tensor) const;  // as stored; of the router and of F16 matrices F32

  const std::vector<std::string>& notices() const { return notices_; }  // about tensors that are not used

  const ModelSpec& spec() const { return spec_; }
  const Sizes& sizes() const { return sizes_; }
  std::vector<BlockWidths> chain(int block) const;  // smallest size first

  // The resident shells of a matrix, by the role of its part. An expert that a size lacks is an empty matrix there.
  PackedMatrix matrix(Role role, int block, int expert = -1) const;
  // What FP8 keys or values of a block are multiplied by: 1 where the checkpoint was not calibrated for them.
  float kv_scale(Role role, int block) const;
  VecView<const float> vector(Role role, int block) const;  // empty when the model has none
  MatView<const float> table(Role role, int block) const;

 private:
  struct Source {
    const StoredTensor* stored = nullptr;
    uint64_t offset = 0;  // of the matrix in the tensor, bytes
    PartLayout layout;
  };
  struct Packed {
    Source source;
    Encoding encoding = Encoding::f32;
    std::vector<PackedShell> shells;  // one per size of the family
    std::vector<size_t> offset;       // of each shell in its region
    std::vector<ColumnRun> sum_order;
  };
  struct Numbers {
    std::vector<float> values;  // row-major [rows, cols] of the largest resident size
    size_t rows = 0, cols = 0;
    DeviceMemory memory;  // the same on the device

    const float* data() const { return reinterpret_cast<const float*>(memory.data()); }
    void cut(size_t kept_rows, size_t kept_cols);  // the values, to the first rows and columns
  };
  struct Table {
    Source source;
    Numbers numbers;
  };
  using Key = std::tuple<int /*block*/, Role /*of the part*/, int /*expert*/>;

  void add_tensor(const StoredTensor& stored);
  void add_packed(Source source, Key key);
  FileMatrix file_of(const Key& key, const Source& source) const;
  void fill(const Key& key, const Packed& matrix, PanelReader& reader, std::span<const DeviceMemory> regions) const;
  Numbers read_table(const Key& key, const Source& source, size_t shells) const;
  void upload(const Numbers& numbers) const;
  size_t packed_bytes(const Packed& matrix, size_t s) const;  // of shell s
  void show_regions();
  void rank_encodings();

  Device& device_;
  ModelSpec spec_;
  Sizes sizes_;
  PairedCheckpoint checkpoint_;
  std::map<Key, Packed> packed_;
  std::map<Key, Table> tables_;
  std::vector<size_t> region_bytes_;   // of each shell
  std::vector<DeviceMemory> regions_;  // of the resident shells
  std::vector<Encoding> encodings_;
  std::vector<std::string> notices_;
};

}  // namespace starnest
