#include <gtest/gtest.h>

#include "format/weights/test_gguf.h"
#include "program.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

Finished export_pocket(const fs::path& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"export", "-m", kPocket, "--gguf", "-o", out};
  words.insert(words.end(), more.begin(), more.end());
  return starnest_program(words);
}

TEST(ExportCommand, WritesAModelWithItsTokenizer) {
  const TestFolder temp;
  const Finished run = export_pocket(temp / "small.gguf", {"--size", "small", "--type", "bf16"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_CONTAINS(run.out, "size 'small', 45 tensors");
  const GgufFile file(temp / "small.gguf");
  EXPECT_EQ(file.key<std::string>("general.architecture"), "nemotron_h_moe");
  EXPECT_EQ(file.key<std::string>("general.name"), "pocket-small");
  EXPECT_EQ(file.key<std::string>("tokenizer.ggml.model"), "gpt2");
  const auto tokens = file.key<std::vector<std::string>>("tokenizer.ggml.tokens");
  ASSERT_EQ(tokens.size(), 64u);
  EXPECT_EQ(tokens[1], "<bos>");
  EXPECT_EQ(file.key<std::vector<int32_t>>("tokenizer.ggml.token_type")[1], 3);
  EXPECT_EQ(file.key<uint32_t>("tokenizer.ggml.bos_token_id"), 1u);
  EXPECT_EQ(file.key<uint32_t>("tokenizer.ggml.eos_token_id"), 2u);
  EXPECT_EQ(file.key<bool>("tokenizer.ggml.add_bos_token"), false);
  EXPECT_EQ(file.tensors.at("output.weight").type, GgmlType::bf16);
}

TEST(ExportCommand, WritesTheLargestSizeUnlessToldOtherwise) {
  const TestFolder temp;
  EXPECT_CONTAINS(export_pocket(temp / "m.gguf").out, "size 'large'");
}

TEST(ExportCommand, ReplacesAFileOnlyWithOverwrite) {
  const TestFolder temp;
  put_file(temp / "m.gguf", "mine");
  const Finished refused = export_pocket(temp / "m.gguf");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_CONTAINS(refused.err, "is there already");
  EXPECT_CONTAINS(refused.err, "--overwrite");
  EXPECT_EQ(file_text(temp / "m.gguf"), "mine");
  EXPECT_EQ(export_pocket(temp / "m.gguf", {"--overwrite"}).exit_code, 0);
}

TEST(ExportCommand, NeverReplacesTheModel) {
  const TestFolder temp;
  copy_family(temp / "family");
  const fs::path shard = temp / "family/model-00001-of-00002.safetensors";
  const Finished run = starnest_program({"export", "-m", temp / "family", "--gguf", "-o", shard, "--overwrite"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_CONTAINS(run.err, "--output");
  EXPECT_NE(file_text(shard).substr(0, 4), "GGUF");
}

TEST(ExportCommand, SaysWhatTheFileLacks) {
  const TestFolder temp;
  copy_family(temp / "family");
  const Finished run = starnest_program({"export", "-m", temp / "family", "--gguf", "-o", temp / "m.gguf"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_CONTAINS(run.err, "note: the file has no tokenizer: the folder has no tokenizer.json");
}

TEST(ExportCommand, NeedsToKnowTheFormat) {
  const Finished run = starnest_program({"export", "-m", kPocket, "-o", "/nowhere/m.gguf"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_CONTAINS(run.err, "--gguf is required");
}

}  // namespace
}  // namespace starnest
