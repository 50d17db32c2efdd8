#include "train/jobs/distiller.h"

#include <algorithm>
#include <numeric>

#include "train/distill/losses.h"

namespace starnest::train {

Distiller::Distiller(const ElastifySettings& settings, const Weights& teacher, const Weights& student,
                     const Curriculum& curriculum, const Ranks& ranks)
    : ranks_(ranks),
      teacher_(teacher),
      student_(student),
      loss_{.clip = settings.optimizer.clip, .cross_entropy = settings.family.cross_entropy},
      micro_batches_(settings.curriculum.micro_batches),
      steps_(settings.run.steps),
      curriculum_(curriculum) {
  const auto batches = [&](const DataSettings& data) {
    return training_batches(data, settings.family.model, teacher.spec().vocab, settings.run.seed,
                            int64_t(settings.run.steps) * std::max(1, micro_batches_));
  };
  stage2_ = batches(settings.data);
  if (settings.curriculum.short_share == 0 || settings.data.is_text()) return;
  DataSettings stage1 = settings.data;
  stage1.mix.short_share = settings.curriculum.short_share;
  stage1_ = batches(stage1);
}

StepResult Distiller::step(int64_t number) {
  StepResult result;
  if (micro_batches_ == 0) {
    std::vector<StudentSize> sizes = sizes_;
    for (size_t s = 0; s < sizes.size(); ++s) sizes[s].weight = curriculum_.weights(number)[s];
    std::vector<size_t> all(sizes.size());
    std::iota(all.begin(), all.end(), size_t{0});
    run(number, number, all, sizes, result);
    return result;
  }
  const std::vector<size_t> drawn = curriculum_.draw(number);
  for (size_t i = 0; i < drawn.size(); ++i) {
    StudentSize size = sizes_[drawn[i]];
    size.weight = double(sizes_.size()) / double(drawn.size());  // the sum weighs as much as that of all sizes
    run(number, number * micro_batches_ + int64_t(i), {drawn[i]}, {size}, result);
  }
  return result;
}

double Distiller::unseen_loss(const std::vector<Size>& sizes) {
  constexpr int64_t kBatches = 4;
  const torch::NoGradGuard no_gradients;
  double sum = 0;
  for (int64_t i = 0; i < kBatches; ++i) {
    const BatchTensors batch = stage2_->at(uint64_t(steps_ * std::max(1, micro_batches_) + i));
    const Tensor goal = measured_logits(teacher_, batch, SizeContext::full());
    for (const Size& size : sizes)
      sum += forward_kl(goal, measured_logits(student_, batch, SizeContext::narrow(size.widths)), batch.positions)
                 .item<double>() /
             kBatches;
  }
  return sum;
}

void Distiller::run(int64_t step, int64_t number, const std::vector<size_t>& numbers,
                    const std::vector<StudentSize>& sizes, StepResult& into) {
  BatchSource& source = stage1_ && !curriculum_.in_stage2(step) ? *stage1_ : *stage2_;
  const BatchTensors batch = share_of(source.at(uint64_t(number)), ranks_.rank(), ranks_.size());
  const Tensor goal = [&] {
    const torch::NoGradGuard no_gradients;
    return completion_logits(teacher_, batch, SizeContext::full());
  }();
  const SandwichResult result = sandwich(student_, goal, batch, sizes, loss_, ranks_);
  for (size_t s = 0; s < sizes.size(); ++s)
    into.sizes.push_back({numbers[s], "batch " + std::to_string(number) + ", size " + sizes[s].name, result.sizes[s]});
  if (into.gradients.empty())
    into.gradients = result.gradients;
  else
    for (size_t i = 0; i < into.gradients.size(); ++i) into.gradients[i].add_(result.gradients[i]);
  into.router_gradients = result.router_gradients;
  into.tokens += batch.tokens;
}

}  // namespace starnest::train
