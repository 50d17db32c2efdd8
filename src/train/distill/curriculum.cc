#include "train/distill/curriculum.h"

#include <cmath>
#include <numeric>

#include "base/range.h"
#include "base/rng.h"
#include "base/text.h"
#include "starnest/error.h"

namespace starnest::train {
namespace {

constexpr uint64_t kDrawStream = 21;

void require_part(const char* flag, double part) {
  if (part >= 0 && part <= 1) return;
  throw Error({.where = flag, .what = "is out of range", .expected = "0 to 1", .got = format_number("%g", part)});
}

}  // namespace

Curriculum::Curriculum(const CurriculumSettings& settings, size_t sizes, int64_t steps, uint64_t seed)
    : stage1_(sizes, 1.0),
      stage2_(settings.stage2_weights.empty() ? stage1_ : settings.stage2_weights),
      stage2_start_(settings.stage2_weights.empty() ? steps : int64_t(settings.stage2_from * double(steps))),
      micro_batches_(settings.micro_batches),
      seed_(seed) {
  require_part("--curriculum-stage2-from", settings.stage2_from);
  require_part("--curriculum-short-share", settings.short_share);
  require_at_least("--curriculum-micro-batches", settings.micro_batches, 0);
  if (stage2_.size() != sizes)
    throw Error({.where = "--curriculum-stage2-weights",
                 .what = "has another number of weights than there are sizes",
                 .expected = std::to_string(sizes),
                 .got = std::to_string(stage2_.size())});
  double sum = 0;
  for (const double weight : stage2_) {
    if (!(weight >= 0) || !std::isfinite(weight))
      throw Error(
          {.where = "--curriculum-stage2-weights", .what = "has a weight below 0", .got = format_number("%g", weight)});
    sum += weight;
  }
  if (sum <= 0) throw Error("--curriculum-stage2-weights", "are all 0");
  for (double& weight : stage2_) weight *= double(sizes) / sum;
}

std::vector<size_t> Curriculum::draw(int64_t step) const {
  const std::vector<double>& shares = weights(step);
  const double spacing = double(shares.size()) / micro_batches_;
  Rng rng(key_of(seed_, kDrawStream, step));
  double at = rng.uniform() * spacing, passed = shares[0];
  std::vector<size_t> drawn;
  size_t size = 0;
  for (int i = 0; i < micro_batches_; ++i, at += spacing) {
    while (at >= passed && size + 1 < shares.size()) passed += shares[++size];
    drawn.push_back(size);
  }
  shuffle(drawn, rng);
  return drawn;
}

}  // namespace starnest::train
