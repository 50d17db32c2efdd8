// The files of a slice, what it says, and what it refuses.
#include <algorithm>
#include <functional>
#include <set>

#include "convert/test_source.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

TEST(Slice, KeepsShardsRewritesTheIndexAndDropsAnEmptyShard) {
  const TestFolder temp;
  const Source source;
  source.write(temp / "family", kChain, Layout::sharded);
  const SliceResult result = slice_folder(temp / "family", "small", temp / "out");  // drops block 3
  EXPECT_EQ(result.shards, 3u);
  for (size_t shard = 0; shard < 4; ++shard) EXPECT_EQ(fs::exists(temp / "out" / Source::shard_name(shard)), shard < 3);
  const std::string index = file_text(temp / "out/model.safetensors.index.json");
  EXPECT_CONTAINS(index, "\"total_size\": " + std::to_string(result.bytes));
  EXPECT_EQ(index.find(Source::shard_name(3)), std::string::npos);
  const HfConfig parsed = HfConfig::parse(index, "index");
  const Checkpoint checkpoint(temp / "out");
  size_t named = 0;
  for (const SafetensorsFile& file : checkpoint.files()) {
    EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
    for (const TensorInfo& info : file.tensors()) {
      const std::string entry = "\"" + info.name + "\": \"" + file.path().filename().string() + "\"";
      EXPECT_CONTAINS(index, entry);
      ++named;
    }
  }
  EXPECT_EQ(named, result.tensors);
}

TEST(Slice, CopiesSmallFilesAndWritesAManifest) {
  const TestFolder temp;
  Source().write(temp / "family", kChain);
  put_file(temp / "family/pytorch_model.bin", "old weights");
  put_file(temp / "family/unfinished.tmp", "x");
  fs::create_directories(temp / "family/figures");
  slice_folder(temp / "family", "small", temp / "out");
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(temp / "out")) names.insert(entry.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"model.safetensors", "config.json", "tokenizer.json",
                                          "generation_config.json", "chat_template.jinja", "SHA256SUMS"}));
  EXPECT_EQ(file_text(temp / "out/tokenizer.json"), file_text(temp / "family/tokenizer.json"));
  const std::string sums = file_text(temp / "out/SHA256SUMS");
  EXPECT_EQ(std::count(sums.begin(), sums.end(), '\n'), 5);
  EXPECT_CONTAINS(sums, "  model.safetensors\n");
}

TEST(Slice, NamesASmallFileThatWasNotFetched) {
  const TestFolder temp;
  Source().write(temp / "family", kChain);
  const auto problem = [&] { return error_of([&] { slice_folder(temp / "family", "small", temp / "out"); }); };
  put_file(temp / "family/tokenizer.json", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n");
  EXPECT_CONTAINS(problem(), "tokenizer.json: is a Git LFS pointer");
  fs::remove(temp / "family/tokenizer.json");
  fs::create_symlink("../blobs/0ff", temp / "family/tokenizer.json");
  EXPECT_CONTAINS(problem(), "tokenizer.json: is a link to nothing: it points to ../blobs/0ff");
}

TEST(Slice, ReportsProgressUpToTheLastByte) {
  const TestFolder temp;
  Source().write(temp / "family", kChain);
  uint64_t last = 0, all = 0;
  const SliceOptions options{.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, last);
    last = done, all = total;
  }};
  const SliceResult result = slice_folder(temp / "family", "small", temp / "out", options);
  EXPECT_EQ(last, result.bytes);
  EXPECT_EQ(all, result.bytes);
}

TEST(Slice, KeepsTheTextOfTheConfigButForTheWidths) {
  const TestFolder temp;
  Source().write(temp / "family", kChain);
  const std::string before = R"({
  "model_type": "nemotron_h",
  "time_step_limit": [0.0, Infinity],
  "hidden_size": 48, "vocab_size": 7,
  "num_nextn_predict_layers": 1,
  "hybrid_override_pattern": "M-ME*ME-",
  "mamba_num_heads": 4, "mamba_head_dim": 32, "n_groups": 2, "ssm_state_size": 3, "conv_kernel": 4,
  "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 48,
  "n_routed_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
  "moe_shared_expert_intermediate_size": 48, "norm_topk_prob": true, "routed_scaling_factor": 2.50,
  "layer_norm_epsilon": 1e-05, "unknown": {"hidden_size": 48}
})";
  put_file(temp / "family/config.json", before);
  slice_folder(temp / "family", "mid", temp / "out");
  std::string after = before;
  const auto replace = [&](const std::string& from, const std::string& to) {
    after.replace(after.find(from), from.size(), to);
  };
  replace("\"hidden_size\": 48,", "\"hidden_size\": 32,");
  replace("\"n_routed_experts\": 5,", "\"n_routed_experts\": 4,");
  replace("\"mamba_head_dim\": 32,", "\"mamba_head_dim\": 16,");
  replace("\"num_nextn_predict_layers\": 1,", "\"num_nextn_predict_layers\": 0,");
  EXPECT_EQ(file_text(temp / "out/config.json"), after);
}

TEST(Slice, LeavesMultiTokenPredictionOutWithANote) {
  const TestFolder temp;
  Source source;
  source.tensors["mtp.layers.0.norm.weight"] = pattern("mtp", DType::bf16, {3});
  source.write(temp / "family", kChain);
  std::vector<std::string> notes;
  slice_folder(temp / "family", "full", temp / "out",
               {.note = [&](const std::string& text) { notes.push_back(text); }});
  EXPECT_EQ(read_tensors(temp / "out").count("mtp.layers.0.norm.weight"), 0u);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_CONTAINS(notes[0], "mtp.");
}

// The error of slicing a source that `change` has spoiled; nothing may be left behind.
std::string error_after(const std::function<void(Source&)>& change, const std::string& size = "small") {
  const TestFolder temp;
  Source source;
  change(source);
  source.write(temp / "family", kChain);
  const std::string error = error_of([&] { slice_folder(temp / "family", size, temp / "out"); });
  EXPECT_FALSE(fs::exists(temp / "out"));
  EXPECT_FALSE(fs::exists(temp / "out.partial"));
  return error;
}

TEST(SliceError, NamesAMissingTensor) {
  const std::string error = error_after([](Source& s) { s.tensors.erase("backbone.layers.4.mixer.k_proj.weight"); });
  EXPECT_CONTAINS(error, "tensor 'backbone.layers.4.mixer.k_proj.weight' is missing");
}

TEST(SliceError, NamesAMissingTensorThatTheSizeWouldDrop) {
  const std::string error = error_after([](Source& s) { s.tensors.erase("backbone.layers.3.norm.weight"); });
  EXPECT_CONTAINS(error, "tensor 'backbone.layers.3.norm.weight' is missing");
}

TEST(SliceError, NamesTheShapesOfATensorThatDoesNotFit) {
  const std::string error = error_after(
      [](Source& s) { s.tensors["backbone.layers.0.mixer.out_proj.weight"] = pattern("x", DType::bf16, {48, 64}); });
  EXPECT_CONTAINS(error, "model.safetensors: tensor 'backbone.layers.0.mixer.out_proj.weight': has the wrong shape");
  EXPECT_CONTAINS(error, "expected [48, 128] for the full model, got [48, 64]");
}

TEST(SliceError, NamesAnUnexpectedTensor) {
  const std::string error =
      error_after([](Source& s) { s.tensors["backbone.extra"] = pattern("x", DType::bf16, {4}); });
  EXPECT_CONTAINS(error, "tensor 'backbone.extra': the model of config.json has no such tensor");
}

TEST(SliceError, SuggestsTheNearestSize) {
  EXPECT_CONTAINS(error_after([](Source&) {}, "smal"), "Did you mean 'small'");
}

TEST(SliceError, RefusesWidthsThatDifferBetweenBlocks) {
  const TestFolder temp;
  Source().write(temp / "family",
                 R"({"name": "full"}, {"name": "mixed", "intermediate_size": [0, 32, 0, 0, 0, 0, 0, 16]})");
  const std::string error = error_of([&] { slice_folder(temp / "family", "mixed", temp / "out"); });
  EXPECT_CONTAINS(error, "different values of 'intermediate_size'");
  EXPECT_FALSE(fs::exists(temp / "out"));
}

TEST(SliceOutput, ANonEmptyFolderStaysUnlessItMayBeReplaced) {
  const TestFolder temp;
  Source().write(temp / "family", kChain);
  fs::create_directories(temp / "out");
  slice_folder(temp / "family", "small", temp / "out");  // an empty folder is free
  put_file(temp / "out/mine.txt", "mine");
  EXPECT_CONTAINS(error_of([&] { slice_folder(temp / "family", "mid", temp / "out"); }), "is not empty");
  EXPECT_EQ(file_text(temp / "out/mine.txt"), "mine");

  slice_folder(temp / "family", "mid", temp / "out", {.overwrite = Overwrite::replace});
  EXPECT_FALSE(fs::exists(temp / "out/mine.txt"));
  EXPECT_EQ(read_family(temp / "out").spec.hidden, 32);
  EXPECT_FALSE(fs::exists(temp / "out.partial"));
  EXPECT_FALSE(fs::exists(temp / "out.replaced"));
}

TEST(SliceOutput, AFailureOrACancelledRunLeavesTheOldFolder) {
  const TestFolder temp;
  Source source;
  source.write(temp / "family", kChain);
  fs::create_directories(temp / "out");
  put_file(temp / "out/mine.txt", "mine");
  const SliceOptions cancelled{.overwrite = Overwrite::replace,
                               .progress = [](uint64_t, uint64_t) { throw Error("slice", "was interrupted"); }};
  EXPECT_CONTAINS(error_of([&] { slice_folder(temp / "family", "mid", temp / "out", cancelled); }), "interrupted");
  EXPECT_EQ(file_text(temp / "out/mine.txt"), "mine");
  EXPECT_FALSE(fs::exists(temp / "out.partial"));
}

TEST(SliceOutput, NeverTouchesTheSource) {
  const TestFolder temp;
  Source().write(temp / "models/family", kChain);
  const SliceOptions force{.overwrite = Overwrite::replace};
  const auto error_for = [&](const fs::path& out) {
    return error_of([&] { slice_folder(temp / "models/family", "small", out, force); });
  };
  EXPECT_CONTAINS(error_for(temp / "models/family"), "is the source");
  EXPECT_CONTAINS(error_for(temp / "models/../models/family/"), "is the source");
  fs::create_directory_symlink(temp / "models/family", temp / "link");
  EXPECT_CONTAINS(error_for(temp / "link"), "is the source");
  EXPECT_CONTAINS(error_for(temp / "models"), "contains the source");
  EXPECT_TRUE(fs::exists(temp / "models/family/model.safetensors"));
}

TEST(SliceOutput, APlaceThatCannotBeWrittenIsNamed) {
  const TestFolder temp;
  Source().write(temp / "family", kChain);
  put_file(temp / "file", "x");
  const auto error_for = [&](const fs::path& out, Overwrite overwrite) {
    return error_of([&] { slice_folder(temp / "family", "small", out, {.overwrite = overwrite}); });
  };
  EXPECT_CONTAINS(error_for(temp / "file", Overwrite::replace), "is not a folder");
  EXPECT_CONTAINS(error_for(temp / "file/out", Overwrite::refuse), (temp / "file").string());
  EXPECT_CONTAINS(error_for("/proc/starnest/out", Overwrite::refuse), "cannot create this folder");
  fs::create_directories(temp / "project/src");
  EXPECT_CONTAINS(error_for(temp / "project", Overwrite::replace), "has folders inside");
  fs::create_directories(temp / "out.partial");
  EXPECT_CONTAINS(error_for(temp / "out", Overwrite::refuse), "is there already");
}

}  // namespace
}  // namespace starnest
