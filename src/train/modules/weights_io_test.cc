#include "train/modules/weights_io.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "format/weights/safetensors_writer.h"
#include "starnest/error.h"
#include "train/modules/initialise.h"
#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

std::filesystem::path fresh_folder(const std::string& name) {
  const auto folder = std::filesystem::temp_directory_path() / ("starnest_" + name + "_" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

TEST(WeightsIo, WhatIsWrittenIsReadBackBitForBit) {
  const auto folder = fresh_folder("weights");
  const Weights weights = test_models::random_weights(test_models::small_spec(/*bias=*/true), torch::kFloat);
  write_weights(folder / "model.safetensors", weights);
  const Weights read = read_weights(folder, weights.spec());
  for (size_t i = 0; i < read.all().size(); ++i) EXPECT_TRUE(read.all()[i].value.equal(weights.all()[i].value));
  std::filesystem::remove_all(folder);
}

TEST(WeightsIo, SaysWhichTensorHasAnotherShape) {
  const auto folder = fresh_folder("shape");
  write_weights(folder / "model.safetensors", Weights(test_models::small_spec()));
  ModelSpec other = test_models::small_spec();
  other.hidden = 32;
  try {
    read_weights(folder, other);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("backbone.embeddings.weight"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("[30, 32]"), std::string::npos) << error.what();
  }
  std::filesystem::remove_all(folder);
}

TEST(WeightsIo, RefusesATensorThatTheConfigHasNoPlaceFor) {
  const auto folder = fresh_folder("extra");
  const Weights biased = test_models::random_weights(test_models::small_spec(/*bias=*/true), torch::kFloat);
  write_weights(folder / "model.safetensors", biased);
  try {
    read_weights(folder, test_models::small_spec(/*bias=*/false));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("bias': the model of config.json has no such tensor"), std::string::npos)
        << error.what();
  }
  std::filesystem::remove_all(folder);
}

TEST(WeightsIo, NotesWhatIsNotUsed) {
  const auto folder = fresh_folder("unused");
  const ModelSpec spec = test_models::small_spec();
  write_weights(folder / "model.safetensors", Weights(spec));
  const SafetensorsFile plain(folder / "model.safetensors");
  std::vector<TensorHeader> headers{{"mtp.layers.0.norm.weight", DType::f32, {2}}};
  for (const TensorInfo& info : plain.tensors()) headers.push_back({info.name, info.dtype, info.shape});
  SafetensorsWriter writer(folder / "model.safetensors", headers, {});
  const std::vector<std::byte> extra(8);
  for (const TensorHeader& header : writer.order())
    writer.append(plain.find(header.name) ? plain.bytes(*plain.find(header.name)) : std::span<const std::byte>(extra));
  writer.commit();
  std::vector<std::string> notes;
  read_weights(folder, spec, [&](const std::string& note) { notes.push_back(note); });
  EXPECT_EQ(notes, std::vector<std::string>{"not used: 1 tensor of multi-token prediction (mtp.*)"});
  std::filesystem::remove_all(folder);
}

TEST(Initialise, DependsOnTheSeedOnlyAndHasTheScalesItSays) {
  const ModelSpec spec = test_models::small_spec();
  const Weights a = initial_weights(spec, 1), b = initial_weights(spec, 1), c = initial_weights(spec, 2);
  EXPECT_TRUE(a(Role::embedding).equal(b(Role::embedding)));
  EXPECT_FALSE(a(Role::embedding).equal(c(Role::embedding)));
  EXPECT_NEAR(a(Role::embedding).std().item<double>(), 1, 0.05);
  EXPECT_NEAR(a(Role::mamba_in, 0).std().item<double>(), 1 / std::sqrt(48.0), 0.01);
  EXPECT_NEAR(a(Role::mamba_out, 0).std().item<double>(), 0.2 / std::sqrt(48.0), 0.003);
  EXPECT_FLOAT_EQ(a(Role::decay_log, 0)[2].item<float>(), std::log(3.0f));
  const Tensor dt = torch::softplus(a(Role::dt_bias, 0));
  EXPECT_GE(dt.min().item<double>(), 0.00099);
  EXPECT_LE(dt.max().item<double>(), 0.101);
}

}  // namespace
}  // namespace starnest::train
