#include "engine/weights.h"

#include <cmath>

#include "base/text.h"
#include "engine/panel_reader.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr size_t kTouchGrain = size_t{16} << 20;  // bytes worth a thread

// The next matrix begins at a cache line.
size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// The router stays F32 whatever the file holds: a rounded score may choose another expert.
DType resident_dtype(const TensorSpec& tensor, DType stored, const std::string& name) {
  if (stored != DType::f32 && stored != DType::bf16 && stored != DType::f16)
    throw Error({.where = name,
                 .what = "is stored as " + std::string(name_of(stored)) + ", which has no kernel",
                 .expected = "F32, BF16 or F16"});
  return tensor.role != Role::gate && stored == DType::bf16 ? DType::bf16 : DType::f32;
}

const float* numbers(const DeviceMemory& memory) { return reinterpret_cast<const float*>(memory.data()); }

TensorRef require(const Checkpoint& checkpoint, const std::string& name, const std::vector<uint64_t>& shape) {
  const auto found = checkpoint.find(name);
  if (!found)
    throw Error({.where = "weights",
                 .what = "tensor " + in_quotes(name) + " is missing",
                 .hint = "The checkpoint is incomplete, or config.json belongs to another model"});
  if (found->info->shape != shape)
    throw Error({.where = found->file->path().string() + ": tensor " + in_quotes(name),
                 .what = "has the wrong shape",
                 .expected = shape_text(shape),
                 .got = shape_text(found->info->shape),
                 .hint = "config.json belongs to another model, or the file was cut"});
  return *found;
}

}  // namespace

Weights::Weights(const ModelSpec& spec, Sizes sizes, Checkpoint checkpoint, Device& device)
    : device_(device),
      spec_(spec),
      sizes_(std::move(sizes)),
      checkpoint_(std::move(checkpoint)),
      region_bytes_(sizes_.largest(), 0) {
  const Naming naming = detect_naming([&](std::string_view name) { return checkpoint_.find(name).has_value(); });
  tensors_ = tensors_of(spec_, naming);
  const Widths full = full_widths(spec_);
  for (const TensorSpec& tensor : tensors_) {
    if (!tensor.present(sizes_.at(sizes_.largest()).widths)) continue;
    const std::string name = naming.name(tensor);
    const TensorRef file = require(checkpoint_, name, tensor.shape(full));
    add_tensor(tensor, file, file.file->path().string() + ": tensor " + in_quotes(name));
  }
  if (const size_t unused = count_multi_token_prediction(checkpoint_))
    notices_.push_back(std::to_string(unused) + " tensors of multi-token prediction (mtp.*) are not used");
  for (auto& [key, matrix] : packed_)
    for (size_t s = 0; s < sizes_.largest(); ++s) {
      matrix.offset.push_back(region_bytes_[s]);
      region_bytes_[s] += aligned(shell_bytes(device_.panels(), matrix.dtype, matrix.shells, s));
    }
}

std::vector<BlockWidths> Weights::chain(int block) const {
  std::vector<BlockWidths> widths;
  for (const Size& size : sizes_.ascending()) widths.push_back(size.widths.at(block));
  return widths;
}

void Weights::add_tensor(const TensorSpec& tensor, const TensorRef& file, const std::string& name) {
  const DType stored = file.info->dtype;
  const DType dtype = resident_dtype(tensor, stored, name);
  if (tensor.role == Role::embedding) dtype_ = dtype;
  const bool stacked = is_stacked(tensor);
  const BlockWidths largest = sizes_.at(sizes_.largest()).widths.at(tensor.block);
  const size_t experts = stacked ? size_t(kept_extent(tensor.dims[0], largest)) : 1;
  const uint64_t expert_bytes = file.bytes().size() / (stacked ? file.info->shape[0] : 1);
  for (const PartLayout& layout : parts_of(tensor))
    for (size_t e = 0; e < experts; ++e) {
      const Key key{tensor.block, tensor.role, stacked ? int(e) : tensor.expert, layout.part};
      const Source source{&tensor, file, e * expert_bytes, layout};
      if (is_packed(tensor.role))
        add_packed(source, key, dtype);
      else
        tables_.emplace(key, Table{source, {}, 0, 0, {}});
    }
}

void Weights::add_packed(Source source, Key key, DType dtype) {
  Packed matrix{std::move(source), dtype, {}, {}};
  const int block = std::get<0>(key), expert = std::get<2>(key);
  for (const BlockWidths& widths : chain(block)) {
    const bool present = widths.kept && (expert < 0 || expert < widths[Axis::experts]);
    matrix.shells.push_back(
        present ? PackedShell{matrix.source.layout.rows_of(widths), matrix.source.layout.cols_of(widths), nullptr}
                : PackedShell{});
  }
  packed_.emplace(key, std::move(matrix));
}

uint64_t Weights::bytes_of(size_t shells) const {
  uint64_t sum = 0;
  for (size_t s = 0; s < shells; ++s) sum += region_bytes_[s];
  return sum;
}

uint64_t Weights::bytes() const {
  uint64_t sum = bytes_of(resident());
  for (const auto& [key, table] : tables_) sum += table.values.size() * sizeof(float);
  return sum;
}

void Weights::load(size_t shells, ThreadPool& pool, const Progress& progress) {
  SN_CHECK(shells <= sizes_.largest(), "more shells than the family has sizes");
  if (shells <= resident()) return;
  const uint64_t before = bytes_of(resident()), total = bytes_of(shells) - before;
  std::vector<DeviceMemory> regions;
  for (size_t s = resident(); s < shells; ++s) {
    const DeviceMemory& region = regions.emplace_back(device_, region_bytes_[s]);
    pool.parallel_for(region.size(), kTouchGrain,
                      [&](size_t begin, size_t end) { device_.touch(region.data() + begin, end - begin); });
  }
  for (DeviceMemory& region : regions) {
    const size_t s = resident();
    const uint64_t start = bytes_of(s) - before;
    fill_shell(s, region, pool, [&](uint64_t done) {
      if (progress) progress(start + done, total);
    });
    regions_.push_back(std::move(region));
  }
  fill_tables(shells);
}

void Weights::drop(size_t shells) {
  SN_CHECK(shells >= 1 && shells <= resident(), "cannot drop to that many shells");
  if (shells == resident()) return;
  regions_.resize(shells);
  for (auto& [key, matrix] : packed_)
    for (size_t s = shells; s < matrix.shells.size(); ++s) matrix.shells[s].data = nullptr;
  fill_tables(shells);
}

void Weights::fill_shell(size_t s, const DeviceMemory& region, ThreadPool& pool,
                         const std::function<void(uint64_t)>& done) {
  PanelReader reader(pool, device_.panels());
  uint64_t filled = 0;
  for (auto& [key, matrix] : packed_) {
    PackedShell& shell = matrix.shells[s];
    const PackedShell before = s == 0 ? PackedShell{} : matrix.shells[s - 1];
    const size_t bytes = shell_bytes(device_.panels(), matrix.dtype, matrix.shells, s);
    std::byte* data = device_.begin_upload(region.data() + matrix.offset[s], bytes);
    const auto chain_of_block = chain(std::get<0>(key));
    const FileMatrix file{matrix.source.file, matrix.source.offset, matrix.source.layout.file_cols,
                          matrix.source.layout.row_order(chain_of_block),
                          matrix.source.layout.col_order(chain_of_block)};
    // The columns that this shell adds to the rows of every shell before it, then its own rows.
    size_t first_row = 0;
    for (size_t inner = 0; inner < s; ++inner) {
      const size_t rows = matrix.shells[inner].rows - first_row;
      data = reader.pack(file, {first_row, rows}, {before.cols, shell.cols - before.cols}, matrix.dtype, data);
      first_row += rows;
    }
    data = reader.pack(file, {before.rows, shell.rows - before.rows}, {0, shell.cols}, matrix.dtype, data);
    shell.data = region.data() + matrix.offset[s];
    device_.end_upload(region.data() + matrix.offset[s], bytes);
    filled += bytes;
    done(filled);
  }
}

void Weights::fill_tables(size_t shells) {
  for (auto& [key, table] : tables_) {
    const auto chain_of_block = chain(std::get<0>(key));
    const BlockWidths& largest = chain_of_block[shells - 1];
    const PartLayout& layout = table.source.layout;
    const bool present = largest.kept;
    std::vector<size_t> rows = layout.row_order(chain_of_block), cols = layout.col_order(chain_of_block);
    rows.resize(present ? layout.rows_of(largest) : 0);
    cols.resize(present ? layout.cols_of(largest) : 0);
    table.rows = rows.size(), table.cols = cols.size();
    table.values = read_values({table.source.file, table.source.offset, layout.file_cols, rows, cols});
    if (std::get<1>(key) == Role::decay_log)  // kernels take -exp(A_log)
      for (float& value : table.values) value = -std::exp(value);
    table.memory = DeviceMemory(device_, table.values.size() * sizeof(float));
    device_.upload(table.memory.data(), reinterpret_cast<const std::byte*>(table.values.data()), table.memory.size());
  }
}

PackedMatrix Weights::matrix(Role role, int block, int part, int expert) const {
  const auto found = packed_.find({block, role, expert, part});
  SN_CHECK(found != packed_.end(), "the model has no such matrix");
  return {found->second.dtype, std::span(found->second.shells).first(resident())};
}

VecView<const float> Weights::vector(Role role, int block, int part) const {
  const auto found = tables_.find({block, role, -1, part});
  if (found == tables_.end()) return {};
  return {numbers(found->second.memory), found->second.values.size()};
}

MatView<const float> Weights::table(Role role, int block, int part) const {
  const auto found = tables_.find({block, role, -1, part});
  SN_CHECK(found != tables_.end(), "the model has no such table");
  const Table& table = found->second;
  return {numbers(table.memory), table.rows, table.cols, table.cols};
}

}  // namespace starnest
