// Every command that opens weights holds them against config.json.
#include "format/weights/checkpoint.h"

#include <gtest/gtest.h>

#include "format/weights/safetensors_writer.h"
#include "program.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

// Adds a shard with one BF16 tensor of zeros to a copy of a sharded family.
void add_tensor(const fs::path& family, const std::string& name, const std::vector<uint64_t>& shape) {
  uint64_t bytes = 2;
  for (const uint64_t extent : shape) bytes *= extent;
  SafetensorsWriter writer(family / "extra.safetensors", {{name, DType::bf16, shape}}, {});
  writer.append(std::vector<std::byte>(bytes));
  writer.commit();
  std::string index = file_text(family / "model.safetensors.index.json");
  const std::string map = "\"weight_map\": {";
  index.insert(index.find(map) + map.size(), "\"" + name + "\": \"extra.safetensors\", ");
  put_file(family / "model.safetensors.index.json", index);
}

std::vector<std::vector<std::string>> commands(const fs::path& family, const TestFolder& temp) {
  return {{"inspect", "-m", family},
          {"inspect", "-m", family, "--json"},
          {"logits", "-m", family, "--ids", "1,2,3", "-o", temp / "logits.safetensors"},
          {"run", "-m", family, "--ids", "1,2,3", "--size", "small", "-n", "2"},
          {"bench", "-m", family},
          {"slice", "-m", family, "--size", "small", "-o", temp / "slice"}};
}

TEST(CheckpointOfACommand, ATensorWithoutAPlaceIsRefusedByName) {
  const TestFolder temp;
  copy_family(temp / "family");
  const std::string name = "backbone.layers.4.mixer.q_proj.bias";
  add_tensor(temp / "family", name, {64});
  for (const auto& words : commands(temp / "family", temp)) {
    const Finished run = starnest_program(words);
    EXPECT_EQ(run.exit_code, 1) << words.front();
    EXPECT_CONTAINS(run.err, "tensor '" + name + "'");
    EXPECT_CONTAINS(run.err, "extra.safetensors");
  }
  EXPECT_FALSE(fs::exists(temp / "logits.safetensors"));
  EXPECT_FALSE(fs::exists(temp / "slice"));
}

TEST(CheckpointOfACommand, AHarmlessTensorIsANote) {
  const TestFolder temp;
  copy_family(temp / "family");
  add_tensor(temp / "family", "backbone.layers.4.mixer.rotary_emb.inv_freq", {8});
  for (const auto& words : commands(temp / "family", temp)) {
    if (words.front() == "bench" || words.front() == "run") continue;  // they need more than weights
    const Finished run = starnest_program(words);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_CONTAINS(run.err, "1 tensor of rotary positions");
  }
}

}  // namespace
}  // namespace starnest
