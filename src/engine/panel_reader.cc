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
  std::span<const size_t> order;
  size_t first = 0;         // smallest index
  size_t count = 0;         // up to the largest
  bool consecutive = true;  // order is first, first + 1, ...

  explicit Columns(std::span<const size_t> columns) : order(columns) {
    if (order.empty()) return;
    const auto [low, high] = std::minmax_element(order.begin(), order.end());
    first = *low;
    count = *high - *low + 1;
    for (size_t i = 0; i < order.size(); ++i) consecutive &= order[i] == first + i;
  }
};

// Puts the columns of one stored row into `out`, converted.
void convert_row(DType stored, const std::byte* row, const Columns& columns, DType dtype, std::byte* out) {
  const size_t element = size_of(dtype);
  for (size_t i = 0; i < columns.order.size(); ++i) {
    const size_t index = columns.order[i] - columns.first;
    if (stored == dtype) {
      std::memcpy(out + i * element, row + index * element, element);
    } else {
      const float value = load_f32(stored, row, index);
      std::memcpy(out + i * element, &value, sizeof value);
    }
  }
}

// Reads rows of a matrix, one after the other, into `staged` [rows][columns] of `dtype`.
void read_rows(const FileMatrix& matrix, std::span<const size_t> rows, const Columns& columns, DType dtype,
               std::vector<std::byte>& raw, std::byte* staged) {
  const DType stored = matrix.tensor.info->dtype;
  const size_t element = size_of(stored), row_bytes = columns.order.size() * size_of(dtype);
  const bool as_stored = stored == dtype && columns.consecutive;
  const bool whole_rows = columns.count == matrix.file_cols;
  for (size_t r = 0; r < rows.size();) {
    size_t run = 1;  // rows that lie together in the file and can be read at once
    while (whole_rows && r + run < rows.size() && rows[r + run] == rows[r] + run) ++run;
    const uint64_t offset = matrix.offset + (uint64_t(rows[r]) * matrix.file_cols + columns.first) * element;
    const size_t bytes = run * columns.count * element;
    if (as_stored) {
      matrix.tensor.read_at(offset, {staged + r * row_bytes, bytes});
    } else {
      if (raw.size() < bytes) raw.resize(bytes);
      matrix.tensor.read_at(offset, {raw.data(), bytes});
      for (size_t i = 0; i < run; ++i)
        convert_row(stored, raw.data() + i * columns.count * element, columns, dtype, staged + (r + i) * row_bytes);
    }
    r += run;
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

std::byte* PanelReader::pack(const FileMatrix& matrix, IndexRange rows, IndexRange cols, DType dtype, std::byte* out) {
  if (rows.count == 0) return out;
  const Columns columns(std::span(matrix.col_order).subspan(cols.begin, cols.count));
  const std::span<const size_t> order = std::span(matrix.row_order).subspan(rows.begin, rows.count);
  const size_t row_bytes = cols.count * size_of(dtype), bytes = panel_bytes(layout_, dtype, cols.count);
  const size_t high = layout_.rows, panels = (rows.count + high - 1) / high;
  if (cols.count == 0) return out;
  std::atomic<size_t> next_buffer = 0;  // every range of a region takes its own
  parallel_or_throw(pool_, panels, [&](size_t begin, size_t end) {
    Buffers& buffers = buffers_[next_buffer.fetch_add(1)];
    buffers.staged.resize(std::max(buffers.staged.size(), high * row_bytes));
    for (size_t panel = begin; panel < end; ++panel) {
      const auto panel_rows = order.subspan(panel * high, std::min(high, rows.count - panel * high));
      read_rows(matrix, panel_rows, columns, dtype, buffers.raw, buffers.staged.data());
      buffers.rows.resize(panel_rows.size());
      for (size_t r = 0; r < panel_rows.size(); ++r) buffers.rows[r] = buffers.staged.data() + r * row_bytes;
      layout_.pack(dtype, buffers.rows, cols.count, out + panel * bytes);
    }
  });
  return out + panels * bytes;
}

std::vector<float> read_values(const FileMatrix& matrix) {
  const Columns columns(matrix.col_order);
  std::vector<float> values(matrix.row_order.size() * matrix.col_order.size());
  std::vector<std::byte> raw;
  if (values.empty()) return values;
  read_rows(matrix, matrix.row_order, columns, DType::f32, raw, reinterpret_cast<std::byte*>(values.data()));
  return values;
}

}  // namespace starnest
