#include "train/modules/weights.h"

#include "base/check.h"

namespace starnest::train {
namespace {

std::vector<int64_t> full_shape(const TensorSpec& spec) {
  std::vector<int64_t> shape;
  for (const Dimension& dim : spec.dims) shape.push_back(extent_of(dim));
  return shape;
}

}  // namespace

Weights::Weights(const ModelSpec& spec, torch::ScalarType dtype) : spec_(spec) {
  for (TensorSpec& tensor : tensors_of(spec, Experts::stacked)) {
    index_[{tensor.block, tensor.role}] = parameters_.size();
    const std::vector<int64_t> shape = full_shape(tensor);
    parameters_.push_back({std::move(tensor), torch::zeros(shape, torch::dtype(dtype)), /*frozen=*/false});
  }
}

const Parameter& Weights::parameter(Role role, int block) const {
  const auto found = index_.find({block, role});
  SN_CHECK(found != index_.end(), "the model has no such parameter");
  return parameters_[found->second];
}

void Weights::freeze(const std::function<bool(const TensorSpec&)>& chosen) {
  for (Parameter& parameter : parameters_) parameter.frozen = parameter.frozen || chosen(parameter.spec);
}

void Weights::require_gradients() {
  for (Parameter& parameter : parameters_) parameter.value.requires_grad_(parameter.trained());
}

std::vector<Tensor> Weights::trained() const {
  std::vector<Tensor> tensors;
  for (const Parameter& parameter : parameters_)
    if (parameter.trained()) tensors.push_back(parameter.value);
  return tensors;
}

Weights Weights::clone(torch::ScalarType dtype) const {
  Weights copy(spec_, dtype);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    copy.parameters_[i].value.copy_(parameters_[i].value.detach());
    copy.parameters_[i].frozen = parameters_[i].frozen;
  }
  return copy;
}

std::vector<Parameter> per_expert(const Weights& weights) {
  std::vector<Parameter> out;
  for (const TensorSpec& spec : tensors_of(weights.spec())) {
    const Tensor& whole = weights(spec.role, spec.block);
    out.push_back({spec, spec.expert < 0 ? whole : whole.select(0, spec.expert), /*frozen=*/false});
  }
  return out;
}

}  // namespace starnest::train
