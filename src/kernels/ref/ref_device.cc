#include "kernels/ref/ref_device.h"

#include <algorithm>
#include <cstring>

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

// A panel is a row.
void pack_row(DType dtype, std::span<const std::byte* const> source, size_t cols, std::byte* panel) {
  std::copy_n(source.front(), cols * size_of(dtype), panel);  // no columns: no memory
}

constexpr PanelLayout kRows{.rows = 1, .bf16_columns = 1, .pack = pack_row};

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
  if (row_shell == s)  // in the rows block
    return load_f32(w.dtype, here.data + rows_block_offset(kRows, w.dtype, w.shells, s),
                    (r - before.rows) * here.cols + k);
  return load_f32(w.dtype, here.data, r * (here.cols - before.cols) + k - before.cols);
}

}  // namespace ref

std::unique_ptr<Device> make_ref_device() { return std::make_unique<ref::RefDevice>(); }

}  // namespace starnest
