#include "train/modules/parameters_io.h"

#include <cstring>
#include <map>
#include <string>

#include "base/text.h"
#include "format/weights/checkpoint.h"
#include "format/weights/safetensors_writer.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

TensorRef require_tensor(const Checkpoint& checkpoint, const std::string& name, const std::vector<uint64_t>& shape,
                         const std::filesystem::path& folder) {
  const auto found = checkpoint.find(name);
  if (!found)
    throw Error({.where = folder.string(),
                 .what = "there is no tensor " + in_quotes(name),
                 .hint = "The weights do not belong to this config.json"});
  if (found->info->shape != shape)
    throw Error({.where = found->file->path().string() + ": tensor " + in_quotes(name),
                 .what = "wrong shape",
                 .expected = shape_text(shape),
                 .got = shape_text(found->info->shape),
                 .hint = "The weights do not belong to this config.json"});
  return *found;
}

}  // namespace

Tensor read_tensor(const SafetensorsFile& file, const TensorInfo& info) {
  std::vector<int64_t> shape(info.shape.begin(), info.shape.end());
  const std::span<const std::byte> bytes = file.bytes(info);
  if (info.dtype == DType::i64) {
    const Tensor out = torch::empty(shape, torch::kLong);
    std::memcpy(out.data_ptr(), bytes.data(), bytes.size());
    return out;
  }
  const Tensor out = torch::empty(shape, torch::kFloat);
  float* values = out.data_ptr<float>();
  for (int64_t i = 0; i < out.numel(); ++i) values[i] = load_f32(info.dtype, bytes.data(), size_t(i));
  return out;
}

Parameters read_weights(const std::filesystem::path& folder, const ModelSpec& spec) {
  const Checkpoint checkpoint(folder);
  const Naming naming = detect_naming([&](std::string_view name) { return checkpoint.find(name).has_value(); });
  const Widths full = full_widths(spec);
  Parameters weights(spec);
  for (const TensorSpec& tensor : tensors_of(spec, naming)) {
    const TensorRef stored = require_tensor(checkpoint, naming.name(tensor), tensor.shape(full), folder);
    const Tensor& whole = weights(tensor.role, tensor.block);
    const Tensor target = tensor.expert < 0 ? whole : whole.select(0, tensor.expert);
    target.copy_(read_tensor(*stored.file, *stored.info));
  }
  return weights;
}

void write_weights(const std::filesystem::path& file, const Parameters& weights) {
  const Naming naming;
  std::vector<TensorHeader> headers;
  std::map<std::string, Tensor> values;
  for (const Parameter& parameter : per_expert(weights)) {
    const std::string name = naming.name(parameter.spec);
    headers.push_back({name, DType::f32, parameter.spec.shape(full_widths(weights.spec()))});
    values[name] = parameter.value.detach().to(torch::kFloat).contiguous();
  }
  SafetensorsWriter writer(file, std::move(headers), {{"format", "pt"}});
  for (const TensorHeader& header : writer.order()) {
    const Tensor& value = values.at(header.name);
    writer.append({static_cast<const std::byte*>(value.data_ptr()), size_t(value.numel()) * sizeof(float)});
  }
  writer.commit();
}

}  // namespace starnest::train
