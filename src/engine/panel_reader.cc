#include "engine/panel_reader.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <span>

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

// Puts the columns of one stored row, which begins at columns.first, into `out`, converted.
void convert_row(DType stored, const std::byte* row, const Columns& columns, DType dtype, std::byte* out) {
  for (const IndexRange& range : columns.order) {
    const std::byte* from = row + (range.begin - columns.first) * size_of(stored);
    if (stored == dtype)
      std::memcpy(out, from, range.count * size_of(dtype));
    else
      load_all_f32(stored, from, range.count, out);
    out += range.count * size_of(dtype);
  }
}

// Reads rows of a matrix, one after the other, into `staged` [rows][columns] of `dtype`: F32, or as it is stored.
void read_rows(const FileMatrix& matrix, std::span<const IndexRange> rows, const Columns& columns, DType dtype,
               std::vector<std::byte>& raw, std::byte* staged) {
  const DType stored = matrix.tensor.info->dtype;
  const size_t element = size_of(stored), row_bytes = columns.count * size_of(dtype);
  const bool as_stored = stored == dtype && columns.consecutive();
  const bool whole_rows = columns.extent == matrix.file_cols;
  for (const IndexRange& range : rows) {
    const size_t together = whole_rows ? range.count : 1;  // rows that are read at once
    const size_t bytes = together * columns.extent * element;
    for (size_t r = 0; r < range.count; r += together, staged += together * row_bytes) {
      const uint64_t offset = matrix.offset + (uint64_t(range.begin + r) * matrix.file_cols + columns.first) * element;
      if (as_stored) {
        matrix.tensor.read_at(offset, {staged, bytes});
        continue;
      }
      if (raw.size() < bytes) raw.resize(bytes);
      matrix.tensor.read_at(offset, {raw.data(), bytes});
      for (size_t i = 0; i < together; ++i)
        convert_row(stored, raw.data() + i * columns.extent * element, columns, dtype, staged + i * row_bytes);
    }
  }
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

void PanelReader::pack(const FileMatrix& matrix, IndexRange rows, std::span<const PanelBlock> blocks, DType dtype) {
  const size_t first_col = blocks.front().cols.begin;
  const std::vector<IndexRange> row_order = part_of(matrix.row_order, rows);
  const std::vector<IndexRange> col_order =
      part_of(matrix.col_order, {first_col, blocks.back().cols.begin + blocks.back().cols.count - first_col});
  const Columns columns(col_order);
  if (rows.count == 0 || columns.count == 0) return;
  const size_t element = size_of(dtype), row_bytes = columns.count * element;
  const size_t panels = (rows.count + layout_.rows - 1) / layout_.rows;
  std::atomic<size_t> next_buffer = 0;  // every range of a region takes its own
  parallel_or_throw(pool_, panels, [&](size_t begin, size_t end) {
    Buffers& buffers = buffers_[next_buffer.fetch_add(1)];
    buffers.staged.resize(std::max(buffers.staged.size(), layout_.rows * row_bytes));
    for (size_t panel = begin; panel < end; ++panel) {
      const size_t first = panel * layout_.rows, count = std::min(layout_.rows, rows.count - first);
      read_rows(matrix, part_of(row_order, {first, count}), columns, dtype, buffers.raw, buffers.staged.data());
      for (const PanelBlock& block : blocks) {
        buffers.rows.resize(count);
        for (size_t r = 0; r < count; ++r)
          buffers.rows[r] = buffers.staged.data() + r * row_bytes + (block.cols.begin - first_col) * element;
        layout_.pack(dtype, buffers.rows, block.cols.count,
                     block.out + panel * panel_bytes(layout_, dtype, block.cols.count));
      }
    }
  });
}

std::vector<float> read_values(const FileMatrix& matrix) {
  const Columns columns(matrix.col_order);
  std::vector<float> values(Columns(matrix.row_order).count * columns.count);
  std::vector<std::byte> raw;
  if (values.empty()) return values;
  read_rows(matrix, matrix.row_order, columns, DType::f32, raw, reinterpret_cast<std::byte*>(values.data()));
  return values;
}

}  // namespace starnest
