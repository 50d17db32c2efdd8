// Every tensor of a checkpoint matters: a tensor that the engine does not read would pass every comparison of shapes.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/test_support.h"
#include "format/weights/safetensors_writer.h"
#include "golden.h"

namespace starnest {
namespace {

// Writes a copy of `source` in which the numbers of one tensor are changed by about 5 % of their size.
void write_perturbed(const SafetensorsFile& source, const std::string& changed, const std::filesystem::path& out) {
  std::vector<TensorHeader> headers;
  for (const TensorInfo& info : source.tensors()) headers.push_back({info.name, info.dtype, info.shape});
  SafetensorsWriter writer(out, headers, source.metadata());
  for (const TensorHeader& header : writer.order()) {
    const TensorInfo& info = *source.find(header.name);
    std::vector<std::byte> bytes(source.bytes(info).begin(), source.bytes(info).end());
    if (header.name == changed) {
      ASSERT_EQ(info.dtype, DType::f32);
      Rng rng(key_of(1, 2));
      for (size_t at = 0; at < bytes.size(); at += sizeof(float)) {
        float value;
        std::memcpy(&value, bytes.data() + at, sizeof value);
        // The correction bias only selects, so it needs a change that turns a choice.
        const bool selects = changed.find("correction_bias") != std::string::npos;
        value = selects ? float(rng.uniform()) : value * float(1 + 0.1 * (rng.uniform() - 0.5)) + 0.01f;
        std::memcpy(bytes.data() + at, &value, sizeof value);
      }
    }
    writer.append(bytes);
  }
  writer.commit();
}

TEST(Sensitivity, ChangingAnyTensorMovesTheLogits) {
  for (const std::string name : {"moe_f32", "dense_f32", "grouped_f32"}) {
    const TestFolder folder;
    const SafetensorsFile source(golden::folder(name) / "model.safetensors");
    std::filesystem::copy_file(golden::folder(name) / "config.json", folder / "config.json");
    const golden::Golden expected = golden::read(name, "full");
    for (const TensorInfo& info : source.tensors()) {
      write_perturbed(source, info.name, folder / "model.safetensors");
      Engine engine(read_family(folder.path()), {.threads = 1});
      const auto logits = golden::logits_of(engine, "full", expected.ids);
      EXPECT_GT(golden::relative_error(logits, expected.logits, engine.vocab()), 1e-3) << name << " " << info.name;
    }
  }
}

TEST(BadWeights, AMissingTensorAndAWrongShapeAreNamed) {
  const TestFolder folder;
  const SafetensorsFile source(golden::folder("moe_f32") / "model.safetensors");
  std::filesystem::copy_file(golden::folder("moe_f32") / "config.json", folder / "config.json");
  const std::string victim(source.tensors()[3].name);
  const auto write = [&](bool keep_victim) {
    std::vector<TensorHeader> headers;
    for (const TensorInfo& info : source.tensors()) {
      if (info.name != victim) headers.push_back({info.name, info.dtype, info.shape});
      if (info.name == victim && keep_victim) {
        uint64_t elements = 1;
        for (const uint64_t extent : info.shape) elements *= extent;
        headers.push_back({info.name, info.dtype, {elements, 1, 1}});
      }
    }
    SafetensorsWriter writer(folder / "model.safetensors", headers, {});
    for (const TensorHeader& header : writer.order()) writer.append(source.bytes(*source.find(header.name)));
    writer.commit();
  };
  write(/*keep_victim=*/false);
  const auto open = [&] { Engine(read_family(folder.path()), {.threads = 1}); };
  EXPECT_NE(error_of(open).find("tensor '" + victim + "' is missing"), std::string::npos) << error_of(open);
  write(/*keep_victim=*/true);
  EXPECT_NE(error_of(open).find("'" + victim + "': has the wrong shape"), std::string::npos) << error_of(open);
}

}  // namespace
}  // namespace starnest
