// The training twin against Hugging Face transformers, by the committed outputs of tests/golden.
#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "arch/family_spec.h"
#include "train/modules/model.h"
#include "train/modules/weights_io.h"

namespace starnest::train {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(STARNEST_SOURCE_DIR) / "tests" / "golden";

std::map<std::string, Tensor> read_all(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  std::map<std::string, Tensor> tensors;
  for (const TensorInfo& info : file.tensors()) tensors[info.name] = read_tensor(file, info);
  return tensors;
}

double relative_error(const Tensor& a, const Tensor& b) { return ((a - b).abs().max() / b.abs().max()).item<double>(); }

class Transformers : public testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path folder() const { return kGolden / GetParam(); }
};

using TransformersGradients = Transformers;

// At every size and position, on narrowed weights and on masked ones. BF16 checkpoints are compared with what
// transformers computes from the same weights widened to F32.
TEST_P(Transformers, LogitsAgreeAtEverySizeNarrowAndMasked) {
  const FamilySpec family = read_family(folder());
  const Weights weights = read_weights(folder(), family.spec);
  const torch::NoGradGuard no_gradients;
  for (const Size& size : family.sizes.ascending()) {
    const auto golden = read_all(folder() / ("golden_" + size.name + ".safetensors"));
    const Tensor expected = golden.contains("logits_f32") ? golden.at("logits_f32") : golden.at("logits");
    const Tensor ids = golden.at("ids").unsqueeze(0);
    for (const bool masked : {false, true}) {
      const SizeContext context =
          masked ? SizeContext::masked(family.spec, size.widths) : SizeContext::narrow(size.widths);
      const Tensor got = logits(weights, ids, context).squeeze(0);
      ASSERT_EQ(got.sizes(), expected.sizes());
      for (int64_t t = 0; t < got.size(0); ++t)
        EXPECT_LE(relative_error(got[t], expected[t]), 1e-4)
            << size.name << (masked ? " masked" : " narrow") << " position " << t;
    }
  }
}

// Mean cross entropy of the next token, as the goldens were made.
TEST_P(TransformersGradients, LossAndEveryGradientAgree) {
  const FamilySpec family = read_family(folder());
  Weights weights = read_weights(folder(), family.spec);
  weights.require_gradients();
  const auto golden = read_all(folder() / "grads.safetensors");
  const Tensor ids = read_all(folder() / "golden_full.safetensors").at("ids");
  const Tensor predictions = logits(weights, ids.unsqueeze(0), SizeContext::full()).squeeze(0);
  const Tensor loss = torch::nn::functional::cross_entropy(predictions.slice(0, 0, -1), ids.slice(0, 1));
  EXPECT_NEAR(loss.item<double>(), golden.at("loss").item<double>(), 1e-5);
  loss.backward();

  const auto has = [&](std::string_view name) { return golden.contains("grad." + std::string(name)); };
  size_t compared = 0;
  for (const TensorSpec& tensor : tensors_of(family.spec, has)) {
    const Parameter& parameter = weights.parameter(tensor.role, tensor.block);
    if (!parameter.trained()) continue;
    const std::string name = "grad." + tensor.name;
    const Tensor gradient = parameter.value.grad();
    ASSERT_TRUE(golden.contains(name)) << name;
    EXPECT_LE(relative_error(tensor.expert < 0 ? gradient : gradient[tensor.expert], golden.at(name)), 1e-3) << name;
    ++compared;
  }
  EXPECT_EQ(compared + 1, golden.size());
}

constexpr auto kName = [](const auto& parameter) { return parameter.param; };
INSTANTIATE_TEST_SUITE_P(Goldens, Transformers,
                         testing::Values("moe_f32", "dense_f32", "grouped_f32", "mixed_bf16", "wide_bf16"), kName);
INSTANTIATE_TEST_SUITE_P(Goldens, TransformersGradients, testing::Values("moe_f32", "dense_f32", "grouped_f32"), kName);

}  // namespace
}  // namespace starnest::train
