#include "arch/pair_quantized.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/quantized.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr std::string_view kWeight = ".weight", kPacked = ".weight_packed";

void require_dtype(const TensorRef& tensor, std::initializer_list<DType> dtypes) {
  if (std::find(dtypes.begin(), dtypes.end(), tensor.info->dtype) != dtypes.end()) return;
  throw Error({.where = where_of(tensor),
               .what = "has the wrong type",
               .expected = std::string(name_of(*dtypes.begin())),
               .got = std::string(name_of(tensor.info->dtype))});
}

void require_single(const TensorRef& tensor) {
  if (!tensor.info->shape.empty() && tensor.info->shape != std::vector<uint64_t>{1})
    wrong_shape(tensor, {}, ", a single number");
}

TensorRef required(const StoredTensor& tensor, const std::string& name, const Claim& claim) {
  if (const auto found = claim(name)) return *found;
  throw Error({.where = tensor.where(),
               .what = "is stored as " + std::string(name_of(tensor.codes.info->dtype)) + ", and its scale " +
                       in_quotes(name) + " is missing",
               .hint = "Fetch or convert the model again"});
}

// The embedding is looked up, and norms, convolutions and gates are too small to be worth it: no format has them.
void refuse_what_is_never_quantized(const StoredTensor& tensor, size_t dimensions) {
  const auto refuse = [&](const char* expected) {
    throw Error({.where = tensor.where(),
                 .what = "is quantised",
                 .expected = expected,
                 .got = std::string(name_of(tensor.codes.info->dtype))});
  };
  if (!is_linear(tensor.spec.role) && tensor.spec.role != Role::head) refuse("F32, BF16 or F16");
  if (!tensor.spec.name.ends_with(kWeight) || dimensions != 2) refuse("one matrix per expert");
}

bool all_are_nan(const TensorRef& e4m3) {
  const auto bytes = e4m3.bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return (b | std::byte{0x80}) == std::byte{0xff}; });
}

// Where a matrix is all zeros, ModelOpt writes the tensor scale 0 and divides 0 by 0 for the rest.
bool is_zero_matrix(const StoredTensor& tensor, float scale) {
  return scale == 0 && all_are_nan(tensor.encoding == Encoding::nvfp4 ? *tensor.scales : tensor.codes);
}

float number_in(const TensorRef& single) {
  std::array<std::byte, 4> bytes{};
  single.read_at(0, std::span(bytes).first(size_of(single.info->dtype)));
  return load_f32(single.info->dtype, bytes.data(), 0);
}

[[noreturn]] void no_scale(const TensorRef& tensor, float stored) {
  throw Error({.where = where_of(tensor),
               .what = "is no scale",
               .expected = "a finite number above 0",
               .got = format_number("%g", stored)});
}

float scale_value(const StoredTensor& tensor, bool divides) {
  const float stored = number_in(*tensor.tensor_scale);
  const float scale = divides ? 1.0f / stored : stored;
  if (!divides && is_zero_matrix(tensor, stored)) return 0;
  if (std::isfinite(stored) && std::isfinite(scale) && scale > 0) return scale;
  no_scale(*tensor.tensor_scale, stored);
}

void pair_fp8(StoredTensor& tensor, const std::string& module, const std::vector<uint64_t>& shape, const Claim& claim) {
  if (tensor.codes.info->shape != shape) wrong_shape(tensor.codes, shape, " for the full model");
  tensor.tensor_scale = required(tensor, module + ".weight_scale", claim);
  require_dtype(*tensor.tensor_scale, {DType::f32, DType::bf16});  // compressed-tensors may write BF16
  const std::vector<uint64_t>& scales = tensor.tensor_scale->info->shape;
  if (!scales.empty() && scales.front() == shape.front() && scales.front() > 1)
    throw Error({.where = where_of(*tensor.tensor_scale),
                 .what = "holds a scale per channel or block of FP8, which is not supported",
                 .expected = "one scale for the whole tensor",
                 .got = shape_text(scales)});
  require_single(*tensor.tensor_scale);
}

void pair_nvfp4(StoredTensor& tensor, const std::string& module, const std::vector<uint64_t>& shape, const Claim& claim,
                bool divides) {
  if (shape[1] % kNvfp4Block != 0)
    throw Error({.where = tensor.where(),
                 .what = "is NVFP4 with a width that is no multiple of 16",
                 .expected = "a multiple of 16",
                 .got = std::to_string(shape[1])});
  const std::vector<uint64_t> codes{shape[0], shape[1] / 2}, blocks{shape[0], shape[1] / kNvfp4Block};
  if (tensor.codes.info->shape != codes) wrong_shape(tensor.codes, codes, " for the full model, two numbers to a byte");
  tensor.scales = required(tensor, module + ".weight_scale", claim);
  require_dtype(*tensor.scales, {DType::f8_e4m3});
  if (tensor.scales->info->shape != blocks) wrong_shape(*tensor.scales, blocks, ", one scale per 16 numbers");
  tensor.tensor_scale = required(tensor, module + (divides ? ".weight_global_scale" : ".weight_scale_2"), claim);
  require_dtype(*tensor.tensor_scale, {DType::f32});
  require_single(*tensor.tensor_scale);
}

}  // namespace

std::string where_of(const TensorRef& tensor) {
  return tensor.file->path().string() + ": tensor " + in_quotes(tensor.info->name);
}

void wrong_shape(const TensorRef& tensor, std::span<const uint64_t> shape, std::string_view of) {
  throw Error({.where = where_of(tensor),
               .what = "has the wrong shape",
               .expected = shape_text(shape) + std::string(of),
               .got = shape_text(tensor.info->shape),
               .hint = "Check that weights and config.json belong together"});
}

std::string packed_name(std::string_view weight) { return std::string(weight) + "_packed"; }

void pair_quantized(StoredTensor& tensor, const std::vector<uint64_t>& shape, const Claim& claim) {
  refuse_what_is_never_quantized(tensor, shape.size());
  const std::string module(module_of(tensor.spec.name));
  const bool packed = tensor.codes.info->name.ends_with(kPacked);
  if (tensor.encoding == Encoding::nvfp4)
    pair_nvfp4(tensor, module, shape, claim, packed);
  else
    pair_fp8(tensor, module, shape, claim);
  tensor.tensor_scale_value = scale_value(tensor, packed);
  tensor.input_scale = claim(module + (packed ? ".input_global_scale" : ".input_scale"));
  if (!tensor.input_scale) return;
  require_dtype(*tensor.input_scale, {DType::f32});
  require_single(*tensor.input_scale);
  const float stored = number_in(*tensor.input_scale);
  tensor.input_scale_value = packed ? 1 / stored : stored;
}

void pair_kv_scale(StoredTensor& tensor, const Claim& claim) {
  if (tensor.spec.role != Role::key && tensor.spec.role != Role::value) return;
  const std::string module(module_of(tensor.spec.name));
  tensor.kv_scale = claim(module + (tensor.spec.role == Role::key ? ".k_scale" : ".v_scale"));
  if (!tensor.kv_scale) return;
  require_dtype(*tensor.kv_scale, {DType::f32});
  require_single(*tensor.kv_scale);
  tensor.kv_scale_value = number_in(*tensor.kv_scale);
  if (!std::isfinite(tensor.kv_scale_value) || tensor.kv_scale_value <= 0)
    no_scale(*tensor.kv_scale, tensor.kv_scale_value);
}

void refuse_unknown_format(const TensorRef& tensor) {
  const std::string_view name = tensor.info->name;
  const bool awq = name.ends_with(".pre_quant_scale");
  if (!awq && name.find("svdquant_lora") == name.npos) return;
  throw Error({.where = where_of(tensor),
               .what = std::string("belongs to a matrix quantised as ") + (awq ? "NVFP4_AWQ" : "NVFP4_SVD") +
                       ", which is not supported",
               .expected = "NVFP4 or FP8"});
}

}  // namespace starnest
