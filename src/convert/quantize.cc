#include "convert/quantize.h"

#include <algorithm>
#include <cmath>
#include <thread>
#include <utility>

#include "base/cpus.h"
#include "base/file.h"
#include "base/output.h"
#include "base/source_file.h"
#include "base/text.h"
#include "convert/quantize_plan.h"
#include "convert/small_files.h"
#include "format/weights/sha256.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr uint64_t kPiece = uint64_t{4} << 20;  // bytes read at once, but at least one row

constexpr size_t kWorthAThread = size_t{1} << 14;  // numbers; a search of their scales takes about a millisecond

using Read = std::function<void(uint64_t bytes)>;  // told what was read

// The numbers of a tensor, some rows at a time.
class Rows {
 public:
  explicit Rows(const PlannedTensor& tensor)
      : tensor_(tensor), cols_(tensor.shape.back()), row_bytes_(cols_ * size_of(dtype())) {
    rows_ = tensor.elements() / cols_;
  }

  // Calls `take(first row, numbers)`.
  template <class Take>
  void for_each_piece(const Read& read, Take&& take) {
    const uint64_t at_once = std::max<uint64_t>(1, kPiece / row_bytes_);
    std::vector<std::byte> stored;
    std::vector<float> numbers;
    for (uint64_t row = 0; row < rows_; row += at_once) {
      const uint64_t count = std::min(at_once, rows_ - row);
      stored.resize(count * row_bytes_);
      numbers.resize(count * cols_);
      tensor_.source->codes.read_at(tensor_.begin + row * row_bytes_, stored);
      load_all_f32(dtype(), stored.data(), numbers.size(), std::as_writable_bytes(std::span(numbers)).data());
      take(row, std::span<const float>(numbers));
      read(stored.size());
    }
  }

 private:
  DType dtype() const { return tensor_.source->codes.info->dtype; }

  const PlannedTensor& tensor_;
  uint64_t cols_, rows_, row_bytes_;
};

[[noreturn]] void not_finite(const PlannedTensor& tensor, uint64_t index, float number) {
  const uint64_t before = tensor.begin / size_of(tensor.source->codes.info->dtype);
  throw Error({.where = tensor.source->where(),
               .what = "cannot be quantised: number " + grouped(before + index) + ", counted from 0, is not finite",
               .got = format_number("%g", number)});
}

float largest_of(const PlannedTensor& tensor, const Read& read) {
  float largest = 0;
  Rows(tensor).for_each_piece(read, [&](uint64_t row, std::span<const float> numbers) {
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (!std::isfinite(numbers[i])) not_finite(tensor, row * tensor.shape.back() + i, numbers[i]);
      largest = std::max(largest, std::fabs(numbers[i]));
    }
  });
  return largest;
}

// Quantises the matrices of one shard into its file.
class ShardWriter {
 public:
  ShardWriter(SafetensorsWriter& writer, ScaleRule rule, const Read& read)
      : writer_(writer), rule_(rule), read_(read) {}

  void write(const PlannedTensor& tensor, QuantizedTensor& report) {
    if (!tensor.to)
      copy(tensor);
    else if (tensor.to == Encoding::nvfp4)
      to_nvfp4(tensor, report);
    else
      to_fp8(tensor, report);
  }

 private:
  void copy(const PlannedTensor& tensor) {
    const uint64_t bytes = tensor.source_bytes();
    for (uint64_t at = 0; at < bytes; at += kPiece) {
      codes_.resize(std::min(kPiece, bytes - at));
      tensor.source->codes.read_at(tensor.begin + at, codes_);
      writer_.put(tensor.spec.name, at, codes_);
      read_(codes_.size());
    }
  }

  void to_nvfp4(const PlannedTensor& tensor, QuantizedTensor& report) {
    const Nvfp4Encoder encoder(tensor.largest, rule_);
    const std::string scales_name = tensor.module() + ".weight_scale";
    const size_t cols = tensor.shape[1], code_bytes = cols / 2, scale_bytes = cols / kNvfp4Block;
    put_scale(tensor, encoder.tensor_scale());
    Rows(tensor).for_each_piece(read_, [&](uint64_t first, std::span<const float> numbers) {
      codes_.resize(numbers.size() / 2);
      scales_.resize(numbers.size() / kNvfp4Block);
      for_each_row(numbers, cols, report, [&](size_t r, std::span<const float> row, std::span<float> decoded) {
        std::byte *const codes = &codes_[r * code_bytes], *const scales = &scales_[r * scale_bytes];
        encoder.encode(row, codes, scales);
        decode_nvfp4(codes, scales, encoder.tensor_scale(), decoded);
      });
      writer_.put(tensor.spec.name, first * code_bytes, codes_);
      writer_.put(scales_name, first * scale_bytes, scales_);
    });
  }

  void to_fp8(const PlannedTensor& tensor, QuantizedTensor& report) {
    const bool from_bf16 = tensor.source->encoding == Encoding::bf16;
    const Fp8Encoder encoder(tensor.largest,
                             from_bf16 ? Fp8Encoder::Quotient::rounded_to_bf16 : Fp8Encoder::Quotient::f32);
    const size_t cols = tensor.shape[1];
    put_scale(tensor, encoder.tensor_scale());
    Rows(tensor).for_each_piece(read_, [&](uint64_t first, std::span<const float> numbers) {
      codes_.resize(numbers.size());
      for_each_row(numbers, cols, report, [&](size_t r, std::span<const float> row, std::span<float> decoded) {
        encoder.encode(row, &codes_[r * cols]);
        decode_fp8(&codes_[r * cols], encoder.tensor_scale(), decoded);
      });
      writer_.put(tensor.spec.name, first * cols, codes_);
    });
  }

  // Calls `encode(number of the row, row, decoded)` for every row, on all processors, and adds the errors of what it
  // decoded in the order of the rows.
  template <class Encode>
  void for_each_row(std::span<const float> numbers, size_t cols, QuantizedTensor& report, const Encode& encode) {
    const size_t rows = numbers.size() / cols;
    const size_t threads = std::clamp<size_t>(numbers.size() / kWorthAThread, 1, threads_);
    decoded_.resize(threads * cols);
    errors_.resize(rows);
    const auto work = [&](size_t thread) {
      const auto decoded = std::span(decoded_).subspan(thread * cols, cols);
      for (size_t r = rows * thread / threads; r < rows * (thread + 1) / threads; ++r) {
        const auto row = numbers.subspan(r * cols, cols);
        encode(r, row, decoded);
        errors_[r] = error_of(row, decoded);
      }
    };
    {
      std::vector<std::jthread> others;
      for (size_t thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
      work(0);
    }
    for (const RowError& error : errors_) report.squares += error.squares, report.squared_error += error.squared_error;
  }

  void put_scale(const PlannedTensor& tensor, float scale) {
    writer_.put(tensor.scale_name(), 0, std::as_bytes(std::span(&scale, 1)));
  }

  struct RowError {
    double squares = 0, squared_error = 0;
  };
  static RowError error_of(std::span<const float> row, std::span<const float> decoded) {
    RowError sum;
    for (size_t i = 0; i < row.size(); ++i) {
      const double w = row[i], error = double(decoded[i]) - w;
      sum.squares += w * w;
      sum.squared_error += error * error;
    }
    return sum;
  }

  SafetensorsWriter& writer_;
  ScaleRule rule_;
  const Read& read_;
  const size_t threads_ = size_t(usable_cpus());
  std::vector<std::byte> codes_, scales_;
  std::vector<float> decoded_;  // a row for each thread
  std::vector<RowError> errors_;
};

std::vector<QuantizedTensor> write_weights(const QuantizationPlan& plan, ScaleRule rule,
                                           const std::filesystem::path& folder, const Read& read) {
  std::vector<QuantizedTensor> reports(plan.tensors.size());
  for (const auto& [file, tensors] : plan.shards) {
    std::vector<TensorHeader> headers;
    for (const size_t i : tensors)
      for (TensorHeader& header : plan.tensors[i].headers()) headers.push_back(std::move(header));
    SafetensorsWriter writer(folder / file, std::move(headers), {{"format", "pt"}});
    ShardWriter shard(writer, rule, read);
    for (const size_t i : tensors) {
      const PlannedTensor& tensor = plan.tensors[i];
      reports[i] = {.name = tensor.spec.name,
                    .part = tensor.part,
                    .from = tensor.source->encoding,
                    .to = tensor.to.value_or(tensor.source->encoding),
                    .bytes_before = tensor.source_bytes(),
                    .bytes_after = tensor.bytes()};
      shard.write(tensor, reports[i]);
    }
    writer.commit();
  }
  return reports;
}

WeightIndex index_of(const QuantizationPlan& plan) {
  WeightIndex index{plan.bytes(), {}};
  for (const auto& [file, tensors] : plan.shards)
    for (const size_t i : tensors)
      for (const TensorHeader& header : plan.tensors[i].headers()) index.shard_of.emplace(header.name, file);
  return index;
}

void write_json(const FamilySpec& family, const QuantizationConfig& quantization, const std::filesystem::path& folder) {
  HfConfig config = family.config;
  announce_no_prediction_layers(config);
  config.use_bare_floats();
  config.set_object({kQuantizationKey}, write_quantization_config(quantization));
  write_text(folder / "config.json", config.text());
  write_text(folder / kHfQuantConfig, write_hf_quant_config(quantization));
}

void write_elastic_file(const FamilySpec& family, const std::string& text, const std::filesystem::path& folder) {
  constexpr const char* kName = "elastic.json";
  if (!text.empty())
    write_text(folder / kName, text);
  else if (is_there(family.folder / kName))
    write_text(folder / kName, read_text(family.folder / kName));
}

}  // namespace

QuantizeResult quantize(const FamilySpec& family, const QuantizationPreset& preset, const std::filesystem::path& out,
                        const QuantizeOptions& options) {
  const auto note = [&](const std::string& text) {
    if (options.note) options.note(text);
  };
  const PairedCheckpoint source(family.spec, Checkpoint(family.folder));
  QuantizationPlan plan = plan_quantization(family.spec, source, preset);
  OutputFolder folder(out, sources_of(family.folder, options.inputs), options.overwrite);
  folder.require_room(plan.bytes());
  for (const std::string& unused : source.unused()) note("left out: " + unused);

  uint64_t done = 0, total = 0;
  for (const PlannedTensor& tensor : plan.tensors) total += tensor.source_bytes() * (tensor.to ? 2 : 1);
  const Read read = [&](uint64_t bytes) {
    done += bytes;
    if (options.progress) options.progress(done, total);
  };
  for (PlannedTensor& tensor : plan.tensors)
    if (tensor.to) tensor.largest = largest_of(tensor, read);
  share_scales(plan);

  QuantizeResult result{{}, plan.bytes(), plan.shards.size()};
  result.tensors = write_weights(plan, options.scales, folder.partial(), read);
  if (source.checkpoint().has_index()) write_weight_index(folder.partial(), index_of(plan));
  QuantizationConfig quantization = describe(plan);
  quantization.producer_version = options.version;
  write_json(family, quantization, folder.partial());
  write_elastic_file(family, options.elastic, folder.partial());
  copy_small_files(family.folder, folder.partial(), note);
  write_sha256sums(folder.partial());
  folder.commit();
  return result;
}

}  // namespace starnest
