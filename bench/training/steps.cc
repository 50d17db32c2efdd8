// Times training steps of one model, in turns that bench/training/compare.py calls. Reads commands from standard input
// and answers each with a line:
//   batch             the ids of the batch as JSON: [[...], ...], and its completion positions
//   ours N | plain N  seconds per whole training step (forward, backward, clip, AdamW), mean of N
//   narrow N          seconds per step of distillation (forward, backward, clip) of the family's smallest size, on
//   views
//                     of the full weights
//   small N           the same on a model that has only that size
//   check             largest difference of the logits of the two
//   flops             of the matrix products of a whole step of the full size
// Usage: bench_training FAMILY SMALL THREADS ROWS       SMALL: the smallest size, cut out
#include <chrono>
#include <iostream>
#include <string>

#include "arch/family_spec.h"
#include "plain_model.h"
#include "starnest/error.h"
#include "tasks/mix.h"
#include "train/distill/sandwich.h"
#include "train/modules/weights_io.h"
#include "train/run/measure.h"
#include "train/run/utilisation.h"

namespace starnest::train {
namespace {

using Clock = std::chrono::steady_clock;

template <class Step>
double seconds_of(int64_t count, const Step& step) {
  const auto start = Clock::now();
  for (int64_t i = 0; i < count; ++i) step();
  return std::chrono::duration<double>(Clock::now() - start).count() / double(count);
}

template <class Logits, class Optimizer>
void train_step(const Weights& weights, const BatchTensors& batch, const Logits& logits, const Optimizer& update) {
  const Tensor loss = cross_entropy(logits(weights, batch), batch.targets, batch.positions);
  std::vector<Tensor> gradients = torch::autograd::grad({loss}, weights.trained(), {}, false, false, true);
  const double scale = std::min(1.0, 1.0 / std::max(global_norm(gradients), 1e-12));
  for (Tensor& gradient : gradients) gradient = (gradient * scale).contiguous();
  update(gradients);
}

BatchTensors some_batch(int rows) {
  std::vector<tasks::TokenSample> samples;
  const tasks::MixConfig mix{.families = {"r", "h", "c", "a"}};
  for (int i = 0; i < rows; ++i)
    samples.push_back(tasks::tokens(tasks::draw(mix, tasks::Split::train, 1, uint64_t(i), 1.0)));
  return to_tensors(tasks::make_batch(samples, 8));
}

std::string json(const BatchTensors& batch) {
  std::string text = "{\"ids\": [";
  for (int64_t r = 0; r < batch.ids.size(0); ++r) {
    text += r ? ", [" : "[";
    for (int64_t t = 0; t < batch.ids.size(1); ++t)
      text += (t ? ", " : "") + std::to_string(batch.ids[r][t].item<int64_t>());
    text += "]";
  }
  text += "], \"completion\": [";
  for (int64_t i = 0; i < batch.completion.numel(); ++i)
    text += (i ? ", " : "") + std::to_string(batch.completion[i].item<int64_t>());
  return text + "]}";
}

int run(int argc, char** argv) {
  if (argc != 5) throw Error("usage", "bench_training FAMILY SMALL THREADS ROWS");
  const FamilySpec family = read_family(argv[1]), cut = read_family(argv[2]);
  use_threads(std::stoi(argv[3]));
  const BatchTensors batch = some_batch(std::stoi(argv[4]));
  Weights weights = read_weights(argv[1], family.spec), small = read_weights(argv[2], cut.spec);
  const Tensor goal = completion_logits(weights, batch, SizeContext::full()).detach();
  weights.require_gradients();
  small.require_gradients();
  Weights plain_weights = weights.clone();
  plain_weights.require_gradients();
  const Ranks alone;
  AdamW optimizer(weights, {}, alone);
  PlainAdamW plain_optimizer(plain_weights, 1e-6, 0.05);
  const Widths& narrow = family.sizes.at(1).widths;
  const std::vector<StudentSize> views{{"views", SizeContext::narrow(narrow)}}, whole{{"cut", SizeContext::full()}};
  const auto ours = [](const Weights& w, const BatchTensors& b) {
    return completion_logits(w, b, SizeContext::full());
  };

  std::string command;
  int64_t count = 1;
  while (std::cin >> command) {
    if (command == "batch") {
      std::cout << json(batch) << std::endl;
      continue;
    }
    if (command == "flops") {
      std::cout << training_flops(family.spec, family.largest().widths) * double(batch.tokens) << std::endl;
      continue;
    }
    if (command == "check") {
      std::cout << (completion_logits(plain_weights, batch, SizeContext::full()) -
                    plain_completion_logits(plain_weights, batch))
                       .abs()
                       .max()
                       .item<double>()
                << std::endl;
      continue;
    }
    std::cin >> count;
    if (command == "ours")
      std::cout << seconds_of(count, [&] {
        train_step(weights, batch, ours, [&](const auto& gradients) { optimizer.step(gradients, 1e-6); });
      }) << std::endl;
    else if (command == "plain") {
      at::globalContext().setFlushDenormal(false);
      std::cout << seconds_of(count, [&] {
        train_step(plain_weights, batch, plain_completion_logits,
                   [&](const auto& gradients) { plain_optimizer.step(gradients); });
      }) << std::endl;
      at::globalContext().setFlushDenormal(true);
    } else if (command == "narrow")
      std::cout << seconds_of(count, [&] { sandwich(weights, goal, batch, views, {}); }) << std::endl;
    else if (command == "small")
      std::cout << seconds_of(count, [&] { sandwich(small, goal, batch, whole, {}); }) << std::endl;
    else
      throw Error(command, "is no command");
  }
  return 0;
}

}  // namespace
}  // namespace starnest::train

int main(int argc, char** argv) {
  try {
    return starnest::train::run(argc, argv);
  } catch (const starnest::Error& error) {
    std::cerr << "bench_training: " << error.what() << "\n";
    return 1;
  }
}
