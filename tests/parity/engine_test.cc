// The training twin against the inference engine, on the same folders: same logits at every size.
#include "engine/engine.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "train/modules/model.h"
#include "train/modules/weights_io.h"

namespace starnest::train {
namespace {

const std::filesystem::path kRoot = STARNEST_SOURCE_DIR;

// What the engine says after each of the tokens: [T, V].
Tensor engine_logits(Engine& engine, const std::string& size, const std::vector<TokenId>& ids) {
  Sequence sequence = engine.start(engine.size_named(size));
  std::vector<BatchItem> batch(1);
  batch[0].sequence = &sequence;
  batch[0].tokens = ids;
  batch[0].want = Want::all;
  engine.step(batch);
  const MatView<const float> rows = batch[0].logits;
  const Tensor out = torch::empty({int64_t(rows.rows), int64_t(rows.cols)});
  for (size_t t = 0; t < rows.rows; ++t)
    out[int64_t(t)].copy_(torch::from_blob(const_cast<float*>(rows.row(t)), {int64_t(rows.cols)}));
  return out;
}

class EngineParity : public testing::TestWithParam<std::string> {};

TEST_P(EngineParity, TwinAndEngineAgreeAtEverySize) {
  const FamilySpec family = read_family(kRoot / GetParam());
  const Weights weights = read_weights(family.folder, family.spec);
  Engine engine(family, {.threads = 1});
  const torch::NoGradGuard no_gradients;
  std::vector<TokenId> ids{1};
  for (int i = 0; i < 99; ++i) ids.push_back((i * 37 + 11) % 60);  // 100 tokens: more than a chunk of the scan
  const Tensor input = torch::tensor(std::vector<int64_t>(ids.begin(), ids.end())).unsqueeze(0);
  for (const Size& size : family.sizes.ascending()) {
    const Tensor expected = engine_logits(engine, size.name, ids);
    const Tensor got = logits(weights, input, SizeContext::narrow(size.widths)).squeeze(0);
    EXPECT_LE(((got - expected).abs().max() / expected.abs().max()).item<double>(), 1e-5) << size.name;
  }
}

INSTANTIATE_TEST_SUITE_P(F32, EngineParity,
                         testing::Values("tests/golden/moe_f32", "tests/golden/dense_f32", "tests/golden/grouped_f32",
                                         "models/pocket"),
                         [](const auto& parameter) {
                           return std::filesystem::path(parameter.param).filename().string();
                         });

}  // namespace
}  // namespace starnest::train
