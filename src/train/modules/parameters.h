// The parameters of a model as LibTorch tensors, found by what they are rather than by name.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "arch/tensors.h"

namespace starnest::train {

using torch::Tensor;

struct Parameter {
  TensorSpec spec;  // experts stacked: up [E, F, D], down [E, D, F]
  Tensor value;     // a leaf of full width
  bool frozen = false;

  // The correction bias of the expert router selects and never weighs, so no gradient reaches it.
  bool trained() const { return spec.role != Role::gate_bias && !frozen; }
};

// Owns one tensor per parameter, in the order of tensors_of() with stacked experts. Copies share the tensors; clone()
// does not. Not thread-safe while an optimiser writes.
class Parameters {
 public:
  // All zeros, on the CPU. `dtype` is torch::kFloat, or torch::kDouble for checks of gradients.
  explicit Parameters(const ModelSpec& spec, torch::ScalarType dtype = torch::kFloat);

  const ModelSpec& spec() const { return spec_; }
  std::span<const Parameter> all() const { return parameters_; }
  bool has(Role role, int block = -1) const { return index_.contains({block, role}); }
  const Parameter& parameter(Role role, int block = -1) const;  // aborts when absent
  const Tensor& operator()(Role role, int block = -1) const { return parameter(role, block).value; }

  // Freezes what `chosen` says, of the spec of a parameter. Before require_gradients() and before an optimiser is made.
  void freeze(const std::function<bool(const TensorSpec&)>& chosen);
  void require_gradients();                         // makes every trained parameter a leaf that collects gradients
  std::vector<Tensor> trained() const;              // in order
  Parameters clone(torch::ScalarType dtype) const;  // a deep copy that collects no gradients
  Parameters clone() const { return clone(dtype()); }
  torch::ScalarType dtype() const { return parameters_.front().value.scalar_type(); }

 private:
  ModelSpec spec_;
  std::vector<Parameter> parameters_;
  std::map<std::pair<int, Role>, size_t> index_;
};

// One expert's matrix of a stacked parameter, or the parameter itself: the granularity of a checkpoint in release
// naming. `value` is a view.
std::vector<Parameter> per_expert(const Parameters& weights);

}  // namespace starnest::train
