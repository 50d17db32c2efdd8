#include "engine/panel_reader.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <span>

#include "base/dtype.h"
#include "base/quantized.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

// Columns of a row as they lie in the file.
struct Columns {
  std::span<const IndexRange> order;
  size_t first = 0;   // smallest index
  size_t extent = 0;  // up to the largest
  size_t count = 0;

  explicit Columns(std::span<const IndexRange> ranges) : order(ranges) {
    if (order.empty()) return;
    first = order.front().begin;
    size_t end = 0;
    for (const IndexRange& range : order) {
      first = std::min(first, range.begin);
      end = std::max(end, range.begin + range.count);
      count += range.count;
    }
    extent = end - first;
  }
  bool consecutive() const { return order.size() == 1; }
};

// One of the tensors that hold a matrix: its numbers, or the codes or the scales of its blocks. A unit stands for some
// neighbouring columns.
struct Plane {
  TensorRef tensor;
  uint64_t offset = 0;   // of the matrix in the tensor, bytes
  size_t row_units = 0;  // of a row in the file
  size_t unit_columns = 1;
  size_t unit_bytes = 0;
};

Plane codes_of(const FileMatrix& matrix) {
  const StoredTensor& stored = *matrix.stored;
  if (stored.encoding == Encoding::nvfp4)
    return {stored.codes, matrix.offset, matrix.file_cols / kNvfp4Block, kNvfp4Block, kNvfp4Block / 2};
  return {stored.codes, matrix.offset, matrix.file_cols, 1, size_of(stored.codes.info->dtype)};
}

Plane scales_of(const FileMatrix& matrix) {
  return {*matrix.stored->scales, 0, matrix.file_cols / kNvfp4Block, kNvfp4Block, 1};
}

std::vector<IndexRange> units_of(std::span<const IndexRange> columns, size_t unit_columns) {
  std::vector<IndexRange> units;
  for (const IndexRange& range : columns) units.push_back({range.begin / unit_columns, range.count / unit_columns});
  return units;
}

// Puts the columns of one stored row, which begins at columns.first, into `out`: as they are, or as F32.
void take_columns(const Plane& plane, const std::byte* row, const Columns& columns, bool as_f32, std::byte* out) {
  for (const IndexRange& range : columns.order) {
    const std::byte* from = row + (range.begin - columns.first) * plane.unit_bytes;
    if (as_f32)
      load_all_f32(plane.tensor.info->dtype, from, range.count, out);
    else
      std::memcpy(out, from, range.count * plane.unit_bytes);
    out += range.count * (as_f32 ? sizeof(float) : plane.unit_bytes);
  }
}

// Reads rows of a plane, one after the other, into `staged`: as they are stored, or as F32.
void read_rows(const Plane& plane, std::span<const IndexRange> rows, const Columns& columns, bool as_f32,
               std::vector<std::byte>& raw, std::byte* staged) {
  const size_t row_bytes = columns.count * (as_f32 ? sizeof(float) : plane.unit_bytes);
  const bool whole_rows = columns.extent == plane.row_units;
  for (const IndexRange& range : rows) {
    const size_t together = whole_rows ? range.count : 1;  // rows that are read at once
    const size_t stored_bytes = columns.extent * plane.unit_bytes, bytes = together * stored_bytes;
    for (size_t r = 0; r < range.count; r += together, staged += together * row_bytes) {
      const uint64_t offset =
          plane.offset + (uint64_t(range.begin + r) * plane.row_units + columns.first) * plane.unit_bytes;
      if (!as_f32 && columns.consecutive()) {
        plane.tensor.read_at(offset, {staged, bytes});
        continue;
      }
      if (raw.size() < bytes) raw.resize(bytes);
      plane.tensor.read_at(offset, {raw.data(), bytes});
      for (size_t i = 0; i < together; ++i)
        take_columns(plane, raw.data() + i * stored_bytes, columns, as_f32, staged + i * row_bytes);
    }
  }
}

// Throws Error when one of the E4M3 bytes is NaN or, where it must not be, negative.
void require_numbers(const TensorRef& tensor, std::span<const std::byte> bytes, bool may_be_negative) {
  const std::byte mask = may_be_negative ? std::byte{0x7f} : std::byte{0xff};
  const auto bad =
      std::find_if(bytes.begin(), bytes.end(), [&](std::byte code) { return (code & mask) >= std::byte{0x7f}; });
  if (bad == bytes.end()) return;
  throw Error({.where = tensor.file->path().string() + ": tensor " + in_quotes(tensor.info->name),
               .what = may_be_negative ? "holds NaN" : "holds a scale that is NaN or negative",
               .got = "the byte " + std::to_string(int(*bad)),
               .hint = "Fetch or convert the model again"});
}

// Runs body in a region of threads, where nothing may throw, and throws afterwards what it threw first.
template <class Body>
void parallel_or_throw(ThreadPool& pool, size_t count, const Body& body) {
  std::mutex mutex;
  std::exception_ptr failure;
  pool.parallel_for(count, 1, [&](size_t begin, size_t end) {
    try {
      body(begin, end);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

PanelReader::PanelReader(ThreadPool& pool, const PanelLayout& layout)
    : pool_(pool), layout_(layout), buffers_(size_t(pool.threads())) {}

void PanelReader::pack(const FileMatrix& matrix, IndexRange rows, std::span<const PanelBlock> blocks,
                       Encoding encoding) {
  const size_t first_col = blocks.front().cols.begin;
  const std::vector<IndexRange> row_order = part_of(matrix.row_order, rows);
  const std::vector<IndexRange> col_order =
      part_of(matrix.col_order, {first_col, blocks.back().cols.begin + blocks.back().cols.count - first_col});
  const size_t panels = (rows.count + layout_.rows - 1) / layout_.rows;
  if (rows.count == 0 || Columns(col_order).count == 0) return;
  if (matrix.stored->tensor_scale_value == 0) {  // all numbers are zero, whatever the codes say
    for (const PanelBlock& block : blocks)
      std::fill_n(block.out, panels * layout_.bytes(encoding, block.cols.count), std::byte{0});
    return;
  }
  const bool as_f32 = encoding != matrix.stored->encoding, has_scales = encoding == Encoding::nvfp4;
  const Plane codes = codes_of(matrix), scales = has_scales ? scales_of(matrix) : Plane{};
  const std::vector<IndexRange> code_order = units_of(col_order, codes.unit_columns);
  const Columns columns(code_order);
  const size_t unit_bytes = as_f32 ? sizeof(float) : codes.unit_bytes, row_bytes = columns.count * unit_bytes;
  std::atomic<size_t> next_buffer = 0;  // every range of a region takes its own
  parallel_or_throw(pool_, panels, [&](size_t begin, size_t end) {
    Buffers& buffers = buffers_[next_buffer.fetch_add(1)];
    buffers.codes.resize(std::max(buffers.codes.size(), layout_.rows * row_bytes));
    if (has_scales) buffers.scales.resize(std::max(buffers.scales.size(), layout_.rows * columns.count));
    for (size_t panel = begin; panel < end; ++panel) {
      const size_t first = panel * layout_.rows, count = std::min(layout_.rows, rows.count - first);
      const std::vector<IndexRange> panel_rows = part_of(row_order, {first, count});
      read_rows(codes, panel_rows, columns, as_f32, buffers.raw, buffers.codes.data());
      if (encoding == Encoding::fp8)
        require_numbers(codes.tensor, std::span(buffers.codes).first(count * row_bytes), /*may_be_negative=*/true);
      if (has_scales) {
        read_rows(scales, panel_rows, columns, false, buffers.raw, buffers.scales.data());
        require_numbers(scales.tensor, std::span(buffers.scales).first(count * columns.count),
                        /*may_be_negative=*/false);
      }
      buffers.code_rows.resize(count);
      buffers.scale_rows.resize(has_scales ? count : 0);
      for (const PanelBlock& block : blocks) {
        const size_t unit = (block.cols.begin - first_col) / codes.unit_columns;
        for (size_t r = 0; r < count; ++r) {
          buffers.code_rows[r] = buffers.codes.data() + r * row_bytes + unit * unit_bytes;
          if (has_scales) buffers.scale_rows[r] = buffers.scales.data() + r * columns.count + unit;
        }
        layout_.pack(encoding, {buffers.code_rows, buffers.scale_rows}, block.cols.count,
                     block.out + panel * layout_.bytes(encoding, block.cols.count));
      }
    }
  });
}

std::vector<float> read_values(const FileMatrix& matrix) {
  const Columns columns(matrix.col_order);
  std::vector<float> values(Columns(matrix.row_order).count * columns.count);
  std::vector<std::byte> raw;
  if (values.empty()) return values;
  read_rows(codes_of(matrix), matrix.row_order, columns, /*as_f32=*/true, raw,
            reinterpret_cast<std::byte*>(values.data()));
  return values;
}

}  // namespace starnest
