// What is resident, and that every element of every shell is where the kernels look for it.
#include "engine/weights.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "format/weights/safetensors_writer.h"
#include "kernels/ref/ref_device.h"

namespace starnest {
namespace {

class WeightsOf : public testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path folder = std::filesystem::path(STARNEST_SOURCE_DIR) / "tests/golden" / GetParam();
  FamilySpec family = read_family(folder);
  ThreadPool pool{2};
  std::unique_ptr<Device> device = make_ref_device();

  Weights fresh() const { return {family.spec, family.sizes, Checkpoint(folder), *device}; }
};

// All elements of the embedding and of every expert's or MLP's first matrix at the largest resident size.
std::vector<float> sample(const Weights& weights) {
  std::vector<float> values;
  const PackedMatrix table = weights.matrix(Role::embedding, -1);
  for (size_t r = 0; r < table.rows(); ++r)
    for (size_t k = 0; k < table.cols(); ++k) values.push_back(ref::element(table, r, k));
  return values;
}

TEST_P(WeightsOf, ShellsAddedOneByOneEqualThoseLoadedAtOnce) {
  Weights once = fresh(), grown = fresh();
  once.load(family.sizes.largest(), pool);
  for (size_t shells = 1; shells <= family.sizes.largest(); ++shells) {
    grown.load(shells, pool);
    EXPECT_EQ(grown.resident(), shells);
  }
  EXPECT_EQ(grown.bytes(), once.bytes());
  EXPECT_EQ(sample(grown), sample(once));
}

TEST_P(WeightsOf, DroppingGivesBackWhatLoadingTook) {
  Weights weights = fresh();
  weights.load(1, pool);
  const uint64_t small = weights.bytes();
  const std::vector<float> before = sample(weights);
  weights.load(family.sizes.largest(), pool);
  EXPECT_GT(weights.bytes(), small);
  weights.drop(1);
  EXPECT_EQ(weights.bytes(), small);
  EXPECT_EQ(sample(weights), before);
  weights.load(family.sizes.largest(), pool);
  EXPECT_GT(weights.bytes(), small);
}

// The numbers of all tables, and of the embedding.
std::vector<float> all_numbers(const Weights& weights) {
  std::vector<float> values = sample(weights);
  for (int block = -1; block < int(weights.spec().blocks.size()); ++block)
    for (int role = 0; role <= int(Role::shared_down_bias); ++role) {
      const VecView<const float> table = weights.vector(Role(role), block);
      values.insert(values.end(), table.data, table.data + table.size);
    }
  return values;
}

TEST_P(WeightsOf, ACancelledLoadLeavesEverythingAsItWas) {
  struct Cancelled {};
  Weights weights = fresh();
  weights.load(1, pool);
  const uint64_t bytes = weights.bytes();
  const std::vector<float> before = all_numbers(weights);
  const float* norm = weights.vector(Role::final_norm, -1).data;
  const std::byte* panel = weights.matrix(Role::embedding, -1).shells.front().data;
  size_t calls = 0;
  {
    Weights counted = fresh();
    counted.load(1, pool);
    counted.load(family.sizes.largest(), pool, [&](uint64_t, uint64_t) { ++calls; });
  }
  ASSERT_GT(calls, 2u);
  for (size_t at = 0; at < calls; ++at) {
    size_t call = 0;
    const auto cancel = [&](uint64_t, uint64_t) {
      if (call++ == at) throw Cancelled();
    };
    EXPECT_THROW(weights.load(family.sizes.largest(), pool, cancel), Cancelled);
    ASSERT_EQ(weights.resident(), 1u) << at;
    ASSERT_EQ(weights.bytes(), bytes) << at;
    ASSERT_EQ(weights.vector(Role::final_norm, -1).data, norm) << at;
    ASSERT_EQ(weights.matrix(Role::embedding, -1).shells.front().data, panel) << at;
  }
  EXPECT_EQ(all_numbers(weights), before);
  weights.load(family.sizes.largest(), pool);
  Weights once = fresh();
  once.load(family.sizes.largest(), pool);
  EXPECT_EQ(all_numbers(weights), all_numbers(once));
}

TEST_P(WeightsOf, DroppingReadsNoFile) {
  const TestFolder copy;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("model"))
      std::filesystem::copy_file(entry.path(), copy / entry.path().filename().string());
  Weights weights(family.spec, family.sizes, Checkpoint(copy.path()), *device);
  weights.load(family.sizes.largest(), pool);
  for (const auto& entry : std::filesystem::directory_iterator(copy.path()))
    std::filesystem::resize_file(entry.path(), 0);
  weights.drop(1);
  Weights small = fresh();
  small.load(1, pool);
  EXPECT_EQ(all_numbers(weights), all_numbers(small));
}

TEST_P(WeightsOf, TheEmbeddingHoldsTheNumbersOfTheFile) {
  Weights weights = fresh();
  weights.load(family.sizes.largest(), pool);
  const Checkpoint checkpoint(folder);
  auto file = checkpoint.find("backbone.embeddings.weight");
  for (const char* name : {"model.embeddings.weight", "model.embedding.weight", "backbone.embedding.weight"})
    if (!file) file = checkpoint.find(name);
  ASSERT_TRUE(file);
  const PackedMatrix table = weights.matrix(Role::embedding, -1);
  const size_t file_cols = file->info->shape[1];
  ASSERT_EQ(table.rows(), file->info->shape[0]);
  for (size_t r = 0; r < table.rows(); ++r)
    for (size_t k = 0; k < table.cols(); ++k)
      ASSERT_EQ(ref::element(table, r, k), load_f32(file->info->dtype, file->bytes().data(), r * file_cols + k));
}

TEST(WeightsEncodings, AreThoseOfTheMatricesAndNotOfTheEmbeddingAlone) {
  const std::filesystem::path source = std::filesystem::path(STARNEST_SOURCE_DIR) / "tests/golden/moe_f32";
  const FamilySpec family = read_family(source);
  const std::unique_ptr<Device> device = make_ref_device();
  EXPECT_EQ(Weights(family.spec, family.sizes, Checkpoint(source), *device).encodings(), std::vector{Encoding::f32});
  // The same with one large matrix in BF16.
  const TestFolder folder;
  const SafetensorsFile file(source / "model.safetensors");
  std::vector<TensorHeader> headers;
  for (const TensorInfo& info : file.tensors())
    headers.push_back({info.name, info.name == "lm_head.weight" ? DType::bf16 : info.dtype, info.shape});
  SafetensorsWriter writer(folder / "model.safetensors", headers, {});
  for (const TensorHeader& header : writer.order()) {
    const std::span<const std::byte> bytes = file.bytes(*file.find(header.name));
    writer.append(header.dtype == DType::bf16 ? bytes.first(bytes.size() / 2) : bytes);
  }
  writer.commit();
  const Weights mixed(family.spec, family.sizes, Checkpoint(folder.path()), *device);
  EXPECT_EQ(mixed.encodings(), (std::vector{Encoding::f32, Encoding::bf16}));
  EXPECT_EQ(names_of(mixed.encodings()), "F32, BF16");
}

TEST_P(WeightsOf, ProgressEndsAtTheBytesThatWereFilled) {
  Weights weights = fresh();
  uint64_t last = 0, total = 0;
  weights.load(family.sizes.largest(), pool, [&](uint64_t done, uint64_t all) {
    EXPECT_GE(done, last);
    last = done, total = all;
  });
  EXPECT_EQ(last, total);
  EXPECT_EQ(total, weights.bytes_of(family.sizes.largest()));
}

TEST(WeightsNotices, NameTheTensorsOfMultiTokenPrediction) {
  const std::filesystem::path source = std::filesystem::path(STARNEST_SOURCE_DIR) / "tests/golden/moe_f32";
  const TestFolder folder;
  const SafetensorsFile file(source / "model.safetensors");
  std::vector<TensorHeader> headers{{"mtp.layers.0.norm.weight", DType::f32, {2}}};
  for (const TensorInfo& info : file.tensors()) headers.push_back({info.name, info.dtype, info.shape});
  SafetensorsWriter writer(folder / "model.safetensors", headers, {});
  const std::vector<std::byte> extra(8);
  for (const TensorHeader& header : writer.order())
    writer.append(header.name.starts_with("mtp.") ? std::span<const std::byte>(extra)
                                                  : file.bytes(*file.find(header.name)));
  writer.commit();
  const FamilySpec family = read_family(source);
  const std::unique_ptr<Device> device = make_ref_device();
  const Weights weights(family.spec, family.sizes, Checkpoint(folder.path()), *device);
  ASSERT_EQ(weights.notices().size(), 1u);
  EXPECT_EQ(weights.notices().front(), "not used: 1 tensor of multi-token prediction (mtp.*)");
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, WeightsOf, testing::Values("moe_f32", "dense_f32", "grouped_f32", "mixed_bf16"),
                         [](const auto& checkpoint) { return checkpoint.param; });

}  // namespace
}  // namespace starnest
