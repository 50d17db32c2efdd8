#include "kernels/ref/ref_device.h"

#include <algorithm>
#include <cstring>

#include "base/dtype.h"
#include "base/quantized.h"
#include "kernels/host_device.h"
#include "kernels/ref/ops.h"

namespace starnest {
namespace ref {
namespace {

constexpr Ops kOps{.embed = embed,
                   .rms_norm = rms_norm,
                   .add = add,
                   .add_bias = add_bias,
                   .activate = activate,
                   .softplus_add = softplus_add,
                   .matmul = matmul,
                   .kv_write = kv_write,
                   .attention = attention,
                   .causal_conv_silu = causal_conv_silu,
                   .ssm_scan = ssm_scan,
                   .gated_norm = gated_norm,
                   .route = route,
                   .group_by_expert = group_by_expert,
                   .expert_matmul = expert_matmul,
                   .gather_add = gather_add,
                   .take_rows = take_rows,
                   .read_memory = read_memory};

// A panel is a row. Blocks of NVFP4 are records: the codes, then the scale.
constexpr size_t kCodeBytes = kNvfp4Block / 2, kRecordBytes = kCodeBytes + 1;

DType dtype_of(Encoding encoding) {
  return encoding == Encoding::f32 ? DType::f32 : encoding == Encoding::bf16 ? DType::bf16 : DType::f8_e4m3;
}

size_t row_bytes(Encoding encoding, size_t cols) {
  return encoding == Encoding::nvfp4 ? cols / kNvfp4Block * kRecordBytes : cols * size_of(dtype_of(encoding));
}

void pack_row(Encoding encoding, const StoredRows& source, size_t cols, std::byte* panel) {
  if (encoding != Encoding::nvfp4) {
    std::copy_n(source.codes.front(), row_bytes(encoding, cols), panel);  // no columns: no memory
    return;
  }
  for (size_t block = 0; block < cols / kNvfp4Block; ++block, panel += kRecordBytes) {
    std::copy_n(source.codes.front() + block * kCodeBytes, kCodeBytes, panel);
    panel[kCodeBytes] = source.scales.front()[block];
  }
}

// Number k of a row.
float number(Encoding encoding, const std::byte* row, size_t k) {
  if (encoding != Encoding::nvfp4) return load_f32(dtype_of(encoding), row, k);
  const std::byte* const record = row + k / kNvfp4Block * kRecordBytes;
  const std::byte pair = record[k % kNvfp4Block / 2];
  return e2m1_to_f32(uint8_t(k % 2 == 0 ? pair : pair >> 4)) * e4m3_to_f32(uint8_t(record[kCodeBytes]));
}

constexpr PanelLayout kRows{.rows = 1, .bytes = row_bytes, .pack = pack_row};

class RefDevice : public HostDevice {
 public:
  std::string_view kernel_path() const override { return "ref"; }
  const PanelLayout& panels() const override { return kRows; }
  const Ops& ops() const override { return kOps; }
};

// The first shell whose rows (or columns) reach `index`.
size_t shell_of(std::span<const PackedShell> shells, size_t PackedShell::* extent, size_t index) {
  size_t s = 0;
  while (shells[s].*extent <= index) ++s;
  return s;
}

}  // namespace

float element(const PackedMatrix& w, size_t r, size_t k) {
  const size_t row_shell = shell_of(w.shells, &PackedShell::rows, r);
  const size_t s = std::max(row_shell, shell_of(w.shells, &PackedShell::cols, k));
  const PackedShell before = s == 0 ? PackedShell{} : w.shells[s - 1], here = w.shells[s];
  const bool in_rows_block = row_shell == s;
  const std::byte* const block =
      in_rows_block ? here.data + rows_block_offset(kRows, w.encoding, w.shells, s) : here.data;
  const size_t row = in_rows_block ? r - before.rows : r, first = in_rows_block ? 0 : before.cols;
  return w.scale * number(w.encoding, block + row * row_bytes(w.encoding, here.cols - first), k - first);
}

}  // namespace ref

std::unique_ptr<Device> make_ref_device() { return std::make_unique<ref::RefDevice>(); }

}  // namespace starnest
