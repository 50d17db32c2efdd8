#include "train/parallel/processes.h"

#include <chrono>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "starnest/error.h"

namespace starnest::train {
namespace {

using torch::Tensor;

constexpr auto kMeeting = std::chrono::minutes(5);   // for all processes to come
constexpr auto kSilence = std::chrono::minutes(30);  // one process measures or saves while the others wait
constexpr int64_t kBucketBytes = int64_t{16} << 20;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// Consecutive tensors of one type whose bytes fill a bucket; a larger tensor is a bucket of its own.
std::vector<std::vector<Tensor>> buckets_of(std::span<const Tensor> tensors) {
  std::vector<std::vector<Tensor>> buckets;
  int64_t filled = kBucketBytes;
  for (const Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    const auto bytes = int64_t(tensor.nbytes());
    const bool fits = !buckets.empty() && filled + bytes <= kBucketBytes &&
                      buckets.back().front().scalar_type() == tensor.scalar_type();
    if (!fits) {
      buckets.emplace_back();
      filled = 0;
    }
    buckets.back().push_back(tensor);
    filled += bytes;
  }
  return buckets;
}

Tensor flatten(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> flat;
  for (const Tensor& tensor : tensors) flat.push_back(tensor.detach().reshape(-1));
  return torch::cat(flat);
}

void unflatten(const Tensor& flat, const std::vector<Tensor>& tensors) {
  const torch::NoGradGuard no_gradients;
  int64_t at = 0;
  for (const Tensor& tensor : tensors) {
    tensor.detach().copy_(flat.narrow(0, at, tensor.numel()).view_as(tensor));
    at += tensor.numel();
  }
}

}  // namespace

struct Processes::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
};

template <class Operation>
void Processes::communicate(const Operation& operation) const {
  try {
    operation();
  } catch (const std::exception& error) {  // c10d throws several unrelated types
    throw Error({.where = "process " + std::to_string(number_) + " of " + std::to_string(size_),
                 .what = "lost the connection to another process (" + first_line(error.what()) + ")",
                 .hint = "The process that ended first says why. Go on from the last checkpoint with --resume"});
  }
}

Processes::Processes() = default;

Processes::Processes(const Launch& launch) : number_(launch.rank), size_(launch.size) {
  if (size_ == 1) return;
  group_ = std::make_unique<Group>();
  try {
    c10d::TCPStoreOptions options;
    options.port = uint16_t(launch.port);
    options.isServer = first() && !launch.store_of_launcher;
    options.numWorkers = size_t(size_);
    options.waitWorkers = !launch.store_of_launcher;
    options.timeout = kMeeting;
    group_->store = c10::make_intrusive<c10d::TCPStore>(launch.host, options);
    if (!launch.prefix.empty()) group_->store = c10::make_intrusive<c10d::PrefixStore>(launch.prefix, group_->store);
    group_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(
        group_->store, number_, size_, c10d::ProcessGroupGloo::Options::create_default(kSilence));
  } catch (const std::exception& error) {
    throw Error({.where = "process " + std::to_string(number_) + " of " + std::to_string(size_),
                 .what = "does not reach the others at " + launch.host + ":" + std::to_string(launch.port) + " (" +
                         first_line(error.what()) + ")",
                 .hint = "All processes need the same MASTER_ADDR and MASTER_PORT, and a port that is free"});
  }
}

Processes::~Processes() = default;

void Processes::sum(std::span<const Tensor> tensors) const {
  if (!group_) return;
  communicate([&] {
    struct Bucket {
      std::vector<Tensor> tensors;
      std::vector<Tensor> flat;
      c10::intrusive_ptr<c10d::Work> work;
    };
    std::vector<Bucket> buckets;
    for (std::vector<Tensor>& bucket : buckets_of(tensors)) {
      buckets.push_back({std::move(bucket), {}, {}});
      buckets.back().flat = {flatten(buckets.back().tensors)};
      buckets.back().work = group_->gloo->allreduce(buckets.back().flat);
    }
    for (Bucket& bucket : buckets) {
      bucket.work->wait();
      unflatten(bucket.flat[0], bucket.tensors);
    }
  });
}

std::vector<double> Processes::sum(std::vector<double> values) const {
  if (!group_) return values;
  const Tensor tensor = torch::tensor(values, torch::kDouble);
  sum(std::span(&tensor, 1));
  return {tensor.data_ptr<double>(), tensor.data_ptr<double>() + tensor.numel()};
}

void Processes::share(std::span<const Tensor> tensors, int owner) const {
  if (!group_) return;
  communicate([&] {
    for (const std::vector<Tensor>& bucket : buckets_of(tensors)) {
      std::vector<Tensor> flat{flatten(bucket)};
      c10d::BroadcastOptions options;
      options.rootRank = owner;
      group_->gloo->broadcast(flat, options)->wait();
      if (number_ != owner) unflatten(flat[0], bucket);
    }
  });
}

void Processes::move(const Tensor& tensor, int from, int to) const {
  if (!group_ || from == to || (number_ != from && number_ != to)) return;
  communicate([&] {
    std::vector<Tensor> flat{flatten({tensor})};
    if (number_ == from)
      group_->gloo->send(flat, to, 0)->wait();
    else
      group_->gloo->recv(flat, from, 0)->wait();
    if (number_ == to) unflatten(flat[0], {tensor});
  });
}

void Processes::demand_equal(const std::string& what, const std::string& text) const {
  if (!group_) return;
  std::string of_first;
  communicate([&] {
    const std::string key = "first/" + what;
    if (first()) group_->store->set(key, std::vector<uint8_t>(text.begin(), text.end()));
    const std::vector<uint8_t> value = group_->store->get(key);
    of_first.assign(value.begin(), value.end());
  });
  if (of_first != text)
    throw Error({.where = "process " + std::to_string(number_) + " of " + std::to_string(size_),
                 .what = "has other " + what + " than process 0",
                 .hint = "Start all processes with the same command"});
}

}  // namespace starnest::train
