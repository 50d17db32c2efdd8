#include "engine/weights.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace starnest {
namespace {

constexpr size_t kTouchGrain = size_t{16} << 20;  // bytes worth a thread

// The next matrix begins at a cache line.
size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Of a table when `largest` is the largest resident size.
size_t rows_at(const PartLayout& layout, const BlockWidths& largest) {
  return largest.kept ? layout.rows_of(largest) : 0;
}
size_t cols_at(const PartLayout& layout, const BlockWidths& largest) {
  return largest.kept ? layout.cols_of(largest) : 0;
}

// Where an inner size shortens the channels of a unit, these lie apart in memory. Sums then take them unit by unit all
// the same, so that a size computes the bits that it has alone. Empty where memory has that order, and where columns
// that lie together would be split.
std::vector<ColumnRun> sum_order_of(const std::vector<Segment>& cols, const std::vector<BlockWidths>& chain,
                                    Encoding encoding) {
  SN_CHECK(cols.size() == 1, "the columns of a matrix are one segment");
  const auto largest = std::find_if(chain.rbegin(), chain.rend(), [](const BlockWidths& size) { return size.kept; });
  if (largest == chain.rend()) return {};
  const size_t together = columns_together(encoding);
  std::vector<ColumnRun> order;
  bool ascending = true, whole = true;
  size_t end = 0;
  for (const UnitPiece& piece : memory_pieces(cols.front(), chain, *largest)) {
    const bool follows = piece.begin == end;
    ascending &= follows;
    whole &= piece.begin % together == 0 && piece.count % together == 0;
    end = piece.begin + piece.count;
    if (follows && !order.empty() && order.back().shell == piece.added_by)
      order.back().count += piece.count;
    else
      order.push_back({piece.added_by, piece.begin, piece.count});
  }
  if (ascending || !whole) return {};
  return order;
}

}  // namespace

// The router stays F32 whatever the file holds: a rounded score may choose another expert.
Encoding resident_encoding(const StoredTensor& tensor) {
  return tensor.spec.role == Role::gate || tensor.encoding == Encoding::f16 ? Encoding::f32 : tensor.encoding;
}

Weights::Weights(const ModelSpec& spec, Sizes sizes, Checkpoint checkpoint, Device& device)
    : device_(device),
      spec_(spec),
      sizes_(std::move(sizes)),
      checkpoint_(spec_, std::move(checkpoint)),
      region_bytes_(sizes_.largest(), 0),
      notices_(unused_notices(checkpoint_)) {
  for (const StoredTensor& tensor : checkpoint_.tensors())
    if (tensor.spec.present(sizes_.at(sizes_.largest()).widths)) add_tensor(tensor);
  for (auto& [key, matrix] : packed_)
    for (size_t s = 0; s < sizes_.largest(); ++s) {
      matrix.offset.push_back(region_bytes_[s]);
      region_bytes_[s] += aligned(packed_bytes(matrix, s));
    }
  rank_encodings();
}

void Weights::rank_encodings() {
  std::map<Encoding, uint64_t> bytes;
  for (const auto& [key, matrix] : packed_) {
    if (std::get<1>(key) == Role::gate) continue;
    uint64_t& sum = bytes[matrix.encoding];
    for (size_t s = 0; s < matrix.shells.size(); ++s) sum += packed_bytes(matrix, s);
  }
  for (const auto& [encoding, sum] : bytes) encodings_.push_back(encoding);
  std::stable_sort(encodings_.begin(), encodings_.end(), [&](Encoding a, Encoding b) { return bytes[a] > bytes[b]; });
}

Encoding Weights::encoding_of(const TensorSpec& tensor) const {
  const Role role = tensor.parts.front().role;
  if (const auto found = packed_.find({tensor.block, role, tensor.expert}); found != packed_.end())
    return found->second.encoding;
  const auto table = tables_.find({tensor.block, role, tensor.expert});
  return table == tables_.end() ? Encoding::f32 : table->second.source.stored->encoding;
}

std::vector<BlockWidths> Weights::chain(int block) const {
  std::vector<BlockWidths> widths;
  for (const Size& size : sizes_.ascending()) widths.push_back(size.widths.at(block));
  return widths;
}

void Weights::add_tensor(const StoredTensor& stored) {
  const TensorSpec& tensor = stored.spec;
  const TensorRef& file = stored.codes;
  const bool stacked = tensor.stacked();
  const BlockWidths largest = sizes_.at(sizes_.largest()).widths.at(tensor.block);
  const size_t experts = stacked ? size_t(kept_extent(tensor.dims[0], largest)) : 1;
  const uint64_t expert_bytes = file.bytes().size() / (stacked ? file.info->shape[0] : 1);
  for (const PartLayout& layout : parts_of(tensor))
    for (size_t e = 0; e < experts; ++e) {
      const Key key{tensor.block, layout.role, stacked ? int(e) : tensor.expert};
      const Source source{&stored, e * expert_bytes, layout};
      if (is_packed(tensor.role))
        add_packed(source, key);
      else
        tables_.emplace(key, Table{source, {}});
    }
}

FileMatrix Weights::file_of(const Key& key, const Source& source) const {
  const auto chain_of_block = chain(std::get<0>(key));
  const PartLayout& layout = source.layout;
  return {source.stored, source.offset, layout.file_cols, layout.row_order(chain_of_block),
          layout.col_order(chain_of_block)};
}

void Weights::add_packed(Source source, Key key) {
  const Encoding encoding = resident_encoding(*source.stored);
  Packed matrix{std::move(source), encoding, {}, {}, {}};
  require_whole_blocks(*matrix.source.stored, matrix.source.layout.col_order(chain(std::get<0>(key))));
  matrix.sum_order = sum_order_of(matrix.source.layout.cols, chain(std::get<0>(key)), encoding);
  const int block = std::get<0>(key), expert = std::get<2>(key);
  for (const BlockWidths& widths : chain(block)) {
    const bool present = widths.keeps_expert(expert);
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
  for (const auto& [key, table] : tables_) sum += table.numbers.values.size() * sizeof(float);
  return sum;
}

void Weights::load(size_t shells, ThreadPool& pool, const Progress& progress) {
  SN_CHECK(shells <= sizes_.largest(), "more shells than the family has sizes");
  if (shells <= resident()) return;
  const uint64_t total = bytes_of(shells) - bytes_of(resident());
  std::vector<DeviceMemory> regions;
  for (size_t s = resident(); s < shells; ++s) {
    const DeviceMemory& region = regions.emplace_back(device_, region_bytes_[s]);
    pool.parallel_for(region.size(), kTouchGrain,
                      [&](size_t begin, size_t end) { device_.touch(region.data() + begin, end - begin); });
  }
  PanelReader reader(pool, device_.panels());
  uint64_t filled = 0;
  for (const auto& [key, matrix] : packed_) {
    fill(key, matrix, reader, regions);
    for (size_t s = resident(); s < shells; ++s) filled += aligned(packed_bytes(matrix, s));
    if (progress) progress(filled, total);
  }
  std::map<Key, Numbers> numbers;
  for (const auto& [key, table] : tables_) numbers.emplace(key, read_table(key, table.source, shells));
  regions_.reserve(shells);
  // From here on nothing throws.
  for (DeviceMemory& region : regions) regions_.push_back(std::move(region));
  for (auto& [key, table] : tables_) table.numbers = std::move(numbers.at(key));
  show_regions();
}

// Lets the shells of all matrices point into the regions that are resident.
void Weights::show_regions() {
  for (auto& [key, matrix] : packed_)
    for (size_t s = 0; s < matrix.shells.size(); ++s)
      matrix.shells[s].data = s < resident() ? regions_[s].data() + matrix.offset[s] : nullptr;
}

void Weights::drop(size_t shells) {
  SN_CHECK(shells >= 1 && shells <= resident(), "cannot drop to that many shells");
  if (shells == resident()) return;
  regions_.resize(shells);
  show_regions();
  for (auto& [key, table] : tables_) {
    const BlockWidths largest = sizes_.at(shells).widths.at(std::get<0>(key));
    table.numbers.cut(rows_at(table.source.layout, largest), cols_at(table.source.layout, largest));
    upload(table.numbers);
  }
}

// Rows and columns of a size come first in memory.
void Weights::Numbers::cut(size_t kept_rows, size_t kept_cols) {
  for (size_t r = 0; r < kept_rows && kept_cols < cols; ++r)
    std::copy_n(values.data() + r * cols, kept_cols, values.data() + r * kept_cols);
  values.resize(kept_rows * kept_cols);
  values.shrink_to_fit();
  rows = kept_rows;
  cols = kept_cols;
}

// Packs what the shells after the resident ones hold of a matrix. The rows that one shell adds are read once for all
// blocks that hold columns of them.
void Weights::fill(const Key& key, const Packed& matrix, PanelReader& reader,
                   std::span<const DeviceMemory> regions) const {
  const PanelLayout& panels = device_.panels();
  const FileMatrix file = file_of(key, matrix.source);
  const size_t from = resident(), upto = from + regions.size();
  std::vector<std::byte*> memory;  // of the shells from `from` on
  for (size_t s = from; s < upto; ++s)
    memory.push_back(device_.begin_upload(regions[s - from].data() + matrix.offset[s], packed_bytes(matrix, s)));
  for (size_t added_by = 0; added_by < upto; ++added_by) {
    const size_t first_row = added_by == 0 ? 0 : matrix.shells[added_by - 1].rows;
    std::vector<PanelBlock> blocks;
    for (size_t s = std::max(from, added_by); s < upto; ++s) {
      const size_t first_col = s == added_by ? 0 : matrix.shells[s - 1].cols, cols = matrix.shells[s].cols - first_col;
      const size_t at = s == added_by
                            ? rows_block_offset(panels, matrix.encoding, matrix.shells, s)
                            : panels_of(panels, matrix.shells, added_by).before * panels.bytes(matrix.encoding, cols);
      blocks.push_back({{first_col, cols}, memory[s - from] + at});
    }
    reader.pack(file, {first_row, matrix.shells[added_by].rows - first_row}, blocks, matrix.encoding);
  }
  for (size_t s = from; s < upto; ++s)
    device_.end_upload(regions[s - from].data() + matrix.offset[s], packed_bytes(matrix, s));
}

Weights::Numbers Weights::read_table(const Key& key, const Source& source, size_t shells) const {
  const BlockWidths largest = sizes_.at(shells).widths.at(std::get<0>(key));
  const size_t rows = rows_at(source.layout, largest), cols = cols_at(source.layout, largest);
  FileMatrix file = file_of(key, source);
  file.row_order = part_of(file.row_order, {0, rows});
  file.col_order = part_of(file.col_order, {0, cols});
  Numbers numbers{read_values(file), rows, cols, {}};
  if (std::get<1>(key) == Role::decay_log)  // kernels take -exp(A_log)
    for (float& value : numbers.values) value = -std::exp(value);
  numbers.memory = DeviceMemory(device_, numbers.values.size() * sizeof(float));
  upload(numbers);
  return numbers;
}

void Weights::upload(const Numbers& numbers) const {
  const auto bytes = std::as_bytes(std::span(numbers.values));
  device_.upload(numbers.memory.data(), bytes.data(), bytes.size());
}

size_t Weights::packed_bytes(const Packed& matrix, size_t s) const {
  return shell_bytes(device_.panels(), matrix.encoding, matrix.shells, s);
}

PackedMatrix Weights::matrix(Role role, int block, int expert) const {
  const auto found = packed_.find({block, role, expert});
  SN_CHECK(found != packed_.end(), "the model has no such matrix");
  const Packed& packed = found->second;
  return {packed.encoding, std::span(packed.shells).first(resident()), packed.sum_order,
          packed.source.stored->tensor_scale_value};
}

float Weights::kv_scale(Role role, int block) const {
  return packed_.at({block, role, -1}).source.stored->kv_scale_value;
}

VecView<const float> Weights::vector(Role role, int block) const {
  const auto found = tables_.find({block, role, -1});
  if (found == tables_.end()) return {};
  return {found->second.numbers.data(), found->second.numbers.values.size()};
}

MatView<const float> Weights::table(Role role, int block) const {
  const auto found = tables_.find({block, role, -1});
  SN_CHECK(found != tables_.end(), "the model has no such table");
  const Numbers& numbers = found->second.numbers;
  return {numbers.data(), numbers.rows, numbers.cols, numbers.cols};
}

}  // namespace starnest
