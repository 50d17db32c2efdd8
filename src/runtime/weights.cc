#include "runtime/weights.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr size_t kAlignment = 64;

// Parts of the fused matrices: runs of segments that become a matrix each.
enum MambaPart { kZ = 0, kX = 1, kBc = 2, kDt = 3 };
struct SegmentRun {
  size_t first = 0;
  size_t count = 0;
};

std::vector<SegmentRun> parts_of(const TensorSpec& tensor) {
  switch (tensor.role) {
    case Role::mamba_in:
    case Role::mamba_in_bias:
      return {{0, 1}, {1, 1}, {2, 2}, {4, 1}};  // z, x, B C, dt
    case Role::conv_taps:
    case Role::conv_bias:
      return {{}, {0, 1}, {1, 2}};  // (no z), x, B C
    default:
      return {{0, tensor.dims.front().size()}};
  }
}

// File indices, in memory order, of a run of segments of a dimension.
std::vector<size_t> order_of(const Dimension& dimension, SegmentRun run, const std::vector<BlockWidths>& chain) {
  std::vector<size_t> order;
  size_t start = 0;
  for (size_t s = 0; s < run.first; ++s) start += size_t(dimension[s].extent());
  for (size_t s = run.first; s < run.first + run.count; ++s) {
    for (const size_t index : memory_order(dimension[s], chain)) order.push_back(start + index);
    start += size_t(dimension[s].extent());
  }
  return order;
}

bool is_ascending_run(const std::vector<size_t>& order) {
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i] != order[i - 1] + 1) return false;
  return true;
}

int kept(const std::vector<Segment>& segments, const BlockWidths& widths) {
  int sum = 0;
  for (const Segment& segment : segments) sum += segment.kept_extent(widths);
  return sum;
}

// Matrices that matmul and embed read keep the type of the file; all else is F32.
bool is_matrix(Role role) {
  return is_linear(role) || role == Role::embedding || role == Role::head || role == Role::gate;
}

// Copies source[row_order, col_order] of a row-major matrix with `file_cols` columns.
void copy_elements(DType from, const std::byte* source, size_t file_cols, const std::vector<size_t>& row_order,
                   const std::vector<size_t>& col_order, const WeightView& to) {
  std::byte* out = const_cast<std::byte*>(to.data);
  const size_t element = size_of(to.dtype);
  const bool plain = from == to.dtype && is_ascending_run(col_order);
  for (size_t r = 0; r < row_order.size(); ++r) {
    const size_t row_start = row_order[r] * file_cols;
    std::byte* row = out + r * to.stride * element;
    if (plain) {
      std::memcpy(row, source + (row_start + col_order.front()) * element, col_order.size() * element);
      continue;
    }
    for (size_t c = 0; c < col_order.size(); ++c) {
      const size_t index = row_start + col_order[c];
      if (from == to.dtype) {
        std::memcpy(row + c * element, source + index * element, element);
      } else {
        const float value = load_f32(from, source, index);
        std::memcpy(row + c * element, &value, sizeof value);
      }
    }
  }
}

// Stacked experts are as many matrices as there are experts; every other tensor is one.
bool is_stacked(const TensorSpec& tensor) { return tensor.dims.size() == 3 && tensor.role != Role::conv_taps; }

// One part of a tensor as it lies in the file and in memory. A vector is one row.
struct PartLayout {
  std::vector<Segment> rows, cols;  // rows is empty for a vector
  std::vector<size_t> row_order, col_order;
};

PartLayout layout_of(const TensorSpec& tensor, SegmentRun run, const std::vector<BlockWidths>& chain) {
  const Dimension& split = tensor.dims[is_stacked(tensor) ? 1 : 0];
  const std::vector<Segment> segments(split.begin() + std::ptrdiff_t(run.first),
                                      split.begin() + std::ptrdiff_t(run.first + run.count));
  const std::vector<size_t> order = order_of(split, run, chain);
  if (tensor.dims.size() == 1) return {{}, segments, {0}, order};
  const Dimension& cols = tensor.dims.back();
  return {segments, cols, order, order_of(cols, {0, cols.size()}, chain)};
}

void negative_exp(const WeightView& view) {
  auto* values = reinterpret_cast<float*>(const_cast<std::byte*>(view.data));
  for (size_t i = 0; i < view.cols; ++i) values[i] = -std::exp(values[i]);
}

DType resident_dtype(const TensorSpec& tensor, DType stored, const std::string& name) {
  if (stored != DType::f32 && stored != DType::bf16 && stored != DType::f16)
    throw Error({.where = name,
                 .what = "is stored as " + std::string(name_of(stored)) + ", which has no kernel",
                 .expected = "F32, BF16 or F16"});
  return is_matrix(tensor.role) && stored == DType::bf16 ? DType::bf16 : DType::f32;
}

}  // namespace

void Weights::AlignedFree::operator()(std::byte* bytes) const { std::free(bytes); }

Weights::Weights(const ModelSpec& spec, std::vector<Size> sizes, const Checkpoint& checkpoint, const Progress& progress)
    : spec_(spec), sizes_(std::move(sizes)) {
  const Naming naming = detect_naming([&](std::string_view name) { return checkpoint.find(name).has_value(); });
  const std::vector<TensorSpec> tensors = tensors_of(spec, naming);
  const Widths full = full_widths(spec);
  uint64_t done = 0;
  for (const TensorSpec& tensor : tensors) {
    if (!tensor.present(sizes_.back().widths)) continue;
    const std::string name = naming.name(tensor);
    const auto source = checkpoint.find(name);
    if (!source)
      throw Error({.where = "weights",
                   .what = "tensor " + in_quotes(name) + " is missing",
                   .hint = "The checkpoint is incomplete, or config.json belongs to another model"});
    if (source->info->shape != tensor.shape(full))
      throw Error({.where = source->file->path().string() + ": tensor " + in_quotes(name),
                   .what = "has the wrong shape",
                   .expected = shape_text(tensor.shape(full)),
                   .got = shape_text(source->info->shape),
                   .hint = "config.json belongs to another model, or the file was cut"});
    load_tensor(tensor, *source, source->file->path().string() + ": tensor " + in_quotes(name));
    done += source->bytes().size();
    if (progress) progress(done, checkpoint.total_bytes());
  }
}

WeightView Weights::store(DType dtype, size_t rows, size_t cols) {
  const size_t bytes = (rows * cols * size_of(dtype) + kAlignment - 1) / kAlignment * kAlignment;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(kAlignment, std::max(bytes, kAlignment)));
  if (!memory) throw std::bad_alloc();
  buffers_.emplace_back(memory);
  bytes_ += bytes;
  return {dtype, memory, rows, cols, cols};
}

std::vector<BlockWidths> Weights::chain(int block) const {
  std::vector<BlockWidths> widths;
  for (const Size& size : sizes_) widths.push_back(size.widths.at(block));
  return widths;
}

void Weights::load_tensor(const TensorSpec& tensor, const TensorRef& source, const std::string& name) {
  const DType stored = source.info->dtype;
  const DType dtype = resident_dtype(tensor, stored, name);
  if (tensor.role == Role::embedding) dtype_ = dtype;
  const std::vector<BlockWidths> widths = chain(tensor.block);
  const bool stacked = is_stacked(tensor);
  const size_t experts = stacked ? size_t(kept_extent(tensor.dims[0], widths.back())) : 1;
  const size_t expert_bytes = source.bytes().size() / (stacked ? source.info->shape[0] : 1);
  const size_t file_cols = size_t(extent_of(tensor.dims.back()));

  const std::vector<SegmentRun> runs = parts_of(tensor);
  for (size_t part = 0; part < runs.size(); ++part) {
    if (runs[part].count == 0) continue;
    const PartLayout layout = layout_of(tensor, runs[part], widths);
    for (size_t e = 0; e < experts; ++e) {
      const WeightView view = store(dtype, layout.row_order.size(), layout.col_order.size());
      copy_elements(stored, source.bytes().data() + e * expert_bytes, file_cols, layout.row_order, layout.col_order,
                    view);
      if (tensor.role == Role::decay_log) negative_exp(view);  // kernels take -exp(A_log)
      parts_.emplace(Key{tensor.role, tensor.block, stacked ? int(e) : tensor.expert, int(part)},
                     Part{layout.rows, layout.cols, view});
    }
  }
}

const Weights::Part* Weights::find(Role role, int block, int part, int expert) const {
  const auto it = parts_.find({role, block, expert, part});
  return it == parts_.end() ? nullptr : &it->second;
}

WeightView Weights::matrix(const Widths& size, Role role, int block, int part, int expert) const {
  const Part* found = find(role, block, part, expert);
  SN_CHECK(found, "the model has no such matrix");
  const BlockWidths widths = size.at(block);
  return found->all.top_left(size_t(kept(found->rows, widths)), size_t(kept(found->cols, widths)));
}

VecView<const float> Weights::vector(const Widths& size, Role role, int block, int part) const {
  const Part* found = find(role, block, part, -1);
  if (!found) return {};
  return {found->all.row<float>(0), size_t(kept(found->cols, size.at(block)))};
}

MatView<const float> Weights::table(const Widths& size, Role role, int block, int part) const {
  const WeightView view = matrix(size, role, block, part);
  return {view.row<float>(0), view.rows, view.cols, view.stride};
}

std::vector<HeadPiece> Weights::pieces(const Widths& size, const Mamba2Spec& spec, int block) const {
  const Segment channels{"x", Axis::mamba_heads, spec.heads, spec.groups, Axis::mamba_head_dim, spec.head_dim};
  std::vector<HeadPiece> out;
  for (const UnitPiece& piece : memory_pieces(channels, chain(block), size.at(block)))
    out.push_back({piece.unit, piece.begin, piece.count});
  return out;
}

struct Weights::BuildMixer {
  const Weights& w;
  const Widths& size;
  int block;

  Mixer operator()(const Mamba2Spec& s) const {
    const auto matrix = [&](Role role, int part) { return w.matrix(size, role, block, part); };
    const auto vector = [&](Role role, int part = 0) { return w.vector(size, role, block, part); };
    Mamba2 m;
    m.in_z = matrix(Role::mamba_in, kZ), m.in_z_bias = vector(Role::mamba_in_bias, kZ);
    m.in_x = matrix(Role::mamba_in, kX), m.in_x_bias = vector(Role::mamba_in_bias, kX);
    m.in_bc = matrix(Role::mamba_in, kBc), m.in_bc_bias = vector(Role::mamba_in_bias, kBc);
    m.in_dt = matrix(Role::mamba_in, kDt), m.in_dt_bias = vector(Role::mamba_in_bias, kDt);
    m.taps_x = w.table(size, Role::conv_taps, block, kX), m.conv_bias_x = vector(Role::conv_bias, kX);
    m.taps_bc = w.table(size, Role::conv_taps, block, kBc), m.conv_bias_bc = vector(Role::conv_bias, kBc);
    m.dt_bias = vector(Role::dt_bias), m.decay = vector(Role::decay_log), m.skip = vector(Role::skip);
    m.norm = vector(Role::gated_norm);
    m.out = matrix(Role::mamba_out, 0), m.out_bias = vector(Role::mamba_out_bias);
    m.groups = size_t(s.groups), m.state = size_t(s.state), m.norm_eps = w.spec_.norm_eps;
    m.pieces = w.pieces(size, s, block);
    return m;
  }

  Mixer operator()(const AttentionSpec& s) const {
    const auto matrix = [&](Role role) { return w.matrix(size, role, block); };
    return Attention{matrix(Role::query), matrix(Role::key), matrix(Role::value), matrix(Role::attention_out), s.scale,
                     size_t(s.kv_heads),  size_t(s.head_dim)};
  }

  Mixer operator()(const MlpSpec&) const {
    return Mlp{w.matrix(size, Role::up, block), w.matrix(size, Role::down, block), w.vector(size, Role::up_bias, block),
               w.vector(size, Role::down_bias, block)};
  }

  Mixer operator()(const MoeSpec& s) const {
    Moe m;
    m.gate = w.matrix(size, Role::gate, block);
    m.gate_bias = w.vector(size, Role::gate_bias, block);
    m.routing = {size_t(s.experts_per_token), size_t(s.groups), size_t(s.groups_kept), s.normalize, s.scale};
    for (int e = 0; e < size.at(block)[Axis::experts]; ++e)
      m.experts.push_back(
          {w.matrix(size, Role::expert_up, block, 0, e), w.matrix(size, Role::expert_down, block, 0, e), {}, {}});
    m.shared = {w.matrix(size, Role::shared_up, block), w.matrix(size, Role::shared_down, block),
                w.vector(size, Role::shared_up_bias, block), w.vector(size, Role::shared_down_bias, block)};
    return m;
  }
};

Model Weights::model(const Widths& size) const {
  Model model;
  model.embedding = matrix(size, Role::embedding, -1);
  for (size_t b = 0; b < spec_.blocks.size(); ++b) {
    if (!size.blocks[b].kept) continue;
    model.blocks.push_back(
        {vector(size, Role::block_norm, int(b)), std::visit(BuildMixer{*this, size, int(b)}, spec_.blocks[b])});
  }
  model.final_norm = vector(size, Role::final_norm, -1);
  model.head = matrix(size, spec_.tied_head ? Role::embedding : Role::head, -1);
  model.norm_eps = spec_.norm_eps;
  return model;
}

}  // namespace starnest
