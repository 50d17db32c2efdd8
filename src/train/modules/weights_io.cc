#include "train/modules/weights_io.h"

#include <cstring>
#include <map>
#include <string>

#include "arch/paired_checkpoint.h"
#include "format/weights/safetensors_writer.h"

namespace starnest::train {

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

Weights read_weights(const std::filesystem::path& folder, const ModelSpec& spec,
                     const std::function<void(const std::string&)>& note) {
  const PairedCheckpoint checkpoint(spec, Checkpoint(folder));
  for (const std::string& notice : unused_notices(checkpoint))
    if (note) note(notice);
  Weights weights(spec);
  for (const StoredTensor& stored : checkpoint.tensors()) {
    require_plain(stored, "trained");
    const Tensor& whole = weights(stored.spec.role, stored.spec.block);
    const Tensor target = stored.spec.expert < 0 ? whole : whole.select(0, stored.spec.expert);
    target.copy_(read_tensor(*stored.codes.file, *stored.codes.info));
  }
  return weights;
}

void write_weights(const std::filesystem::path& file, const Weights& weights) {
  std::vector<TensorHeader> headers;
  std::map<std::string, Tensor> values;
  for (const Parameter& parameter : per_expert(weights)) {
    const std::string& name = parameter.spec.name;
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
