// The processes that train one model together, each on its rows of every batch, all with the same weights.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "train/parallel/launch.h"

namespace starnest::train {

// LibTorch's c10d over Gloo. Every operation is collective: each process calls it with tensors of the same shapes, in
// the same order. With one process all of them do nothing. When another process ends or is killed, they throw Error
// within seconds. Not thread-safe.
class Processes {
 public:
  Processes();  // one process
  // Returns when all processes of the launch have come. Throws Error when they cannot be reached.
  explicit Processes(const Launch& launch);
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  int number() const { return number_; }
  int size() const { return size_; }
  bool first() const { return number_ == 0; }

  // Replaces every tensor by its sum over the processes, in place, in buckets. Undefined tensors are left out.
  void sum(std::span<const torch::Tensor> tensors) const;
  std::vector<double> sum(std::vector<double> values) const;
  // Copies the tensors of process `owner` to all, in place, as one message.
  void share(std::span<const torch::Tensor> tensors, int owner) const;
  // Copies a tensor from one process to another; the others do nothing.
  void move(const torch::Tensor& tensor, int from, int to) const;
  // Throws Error in every process whose text is not that of the first one. `what`: of what, e.g. "settings".
  void demand_equal(const std::string& what, const std::string& text) const;

 private:
  struct Group;
  template <class Operation>
  void communicate(const Operation& operation) const;  // turns failures of c10d into Error

  int number_ = 0, size_ = 1;
  std::unique_ptr<Group> group_;
};

}  // namespace starnest::train
