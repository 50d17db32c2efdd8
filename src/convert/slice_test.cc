#include "convert/slice.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include "arch/tensors.h"
#include "base/rng.h"
#include "base/test_support.h"
#include "format/weights/checkpoint.h"
#include "format/weights/safetensors_writer.h"
#include "starnest/error.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

// All block types; every axis has room to be cut.
struct Tiny {
  int hidden = 48, vocab = 7, heads = 4, head_dim = 32, groups = 2, state = 3, taps = 4;
  int query_heads = 4, kv_heads = 2, query_width = 16, ffn = 48, moe_ffn = 32, shared_ffn = 48, experts = 5;
  std::string pattern = "M-ME*ME-";

  std::string config() const {
    const auto number = [](const char* key, int value) {
      return "\"" + std::string(key) + "\": " + std::to_string(value) + ", ";
    };
    return "{\"model_type\": \"nemotron_h\", \"hybrid_override_pattern\": \"" + pattern + "\", " +
           number("num_hidden_layers", int(pattern.size())) + number("hidden_size", hidden) +
           number("vocab_size", vocab) + number("mamba_num_heads", heads) + number("mamba_head_dim", head_dim) +
           number("n_groups", groups) + number("ssm_state_size", state) + number("conv_kernel", taps) +
           number("num_attention_heads", query_heads) + number("num_key_value_heads", kv_heads) +
           number("head_dim", query_width) + number("intermediate_size", ffn) + number("n_routed_experts", experts) +
           number("num_experts_per_tok", 2) + number("moe_intermediate_size", moe_ffn) +
           number("moe_shared_expert_intermediate_size", shared_ffn) +
           "\"norm_topk_prob\": true, \"routed_scaling_factor\": 2.5, \"layer_norm_epsilon\": 1e-5}";
  }
};

void put_file(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string file_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Stored {
  DType dtype = DType::f32;
  std::vector<uint64_t> shape;
  std::vector<std::byte> bytes;
  bool operator==(const Stored&) const = default;
};
using Tensors = std::map<std::string, Stored>;

uint64_t product(const std::vector<uint64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<>());
}

// Bytes that tell every element of every tensor apart.
Stored pattern(const std::string& name, DType dtype, std::vector<uint64_t> shape) {
  Stored stored{dtype, std::move(shape), {}};
  const size_t width = size_of(dtype);
  stored.bytes.resize(product(stored.shape) * width);
  const uint64_t key = std::hash<std::string>{}(name);
  for (size_t i = 0; i < stored.bytes.size() / width; ++i) {
    const uint64_t value = mix64(key + i);
    std::memcpy(stored.bytes.data() + i * width, &value, width);
  }
  return stored;
}

void write_shard(const fs::path& file, const Tensors& tensors) {
  std::vector<TensorHeader> headers;
  for (const auto& [name, stored] : tensors) headers.push_back({name, stored.dtype, stored.shape});
  SafetensorsWriter writer(file, std::move(headers), {{"format", "pt"}});
  for (const TensorHeader& header : writer.order()) writer.append(tensors.at(header.name).bytes);
  writer.commit();
}

enum class Layout { single, sharded };

// A checkpoint of the tiny model whose tensors may be changed before it is written.
struct Source {
  Tiny tiny;
  Naming naming;
  Tensors tensors;

  Source() : Source(Tiny{}, Naming{}) {}
  Source(const Tiny& shape, const Naming& names) : tiny(shape), naming(names) {
    const HfConfig config = HfConfig::parse(tiny.config(), "config.json");
    const ModelSpec spec = architecture_of(config).read(config);
    for (const TensorSpec& tensor : tensors_of(spec, naming)) {
      const bool is_gate = tensor.role == Role::gate || tensor.role == Role::gate_bias;
      const std::string name = naming.name(tensor);
      tensors[name] = pattern(name, is_gate ? DType::f32 : DType::bf16, tensor.shape(full_widths(spec)));
    }
  }

  void write(const fs::path& folder, const std::string& sizes, Layout layout = Layout::single) const {
    fs::create_directories(folder);
    put_file(folder / "config.json", tiny.config());
    put_file(folder / "elastic.json", R"({"format": "starnest-elastic", "version": 1, "sizes": [)" + sizes + "]}");
    put_file(folder / "tokenizer.json", "{\"a tokenizer\": 1}\n");
    put_file(folder / "generation_config.json", "{\"eos_token_id\": [2, 11]}");
    put_file(folder / "chat_template.jinja", "{{ messages }}");
    put_file(folder / "SHA256SUMS", "old");
    if (layout == Layout::single) {
      write_shard(folder / "model.safetensors", tensors);
      return;
    }
    // Three shards in turn, and a fourth with all of block 3.
    std::array<Tensors, 4> shards;
    std::string index;
    size_t turn = 0;
    for (const auto& [name, stored] : tensors) {
      const size_t shard = name.find("layers.3.") != std::string::npos ? 3 : turn++ % 3;
      shards[shard].emplace(name, stored);
      index += std::string(index.empty() ? "" : ", ") + "\"" + name + "\": \"" + shard_name(shard) + "\"";
    }
    for (size_t s = 0; s < shards.size(); ++s) write_shard(folder / shard_name(s), shards[s]);
    put_file(folder / "model.safetensors.index.json",
             R"({"metadata": {"total_size": 1}, "weight_map": {)" + index + "}}");
  }

  static std::string shard_name(size_t shard) {
    return "model-0000" + std::to_string(shard + 1) + "-of-00004.safetensors";
  }
};

Tensors read_tensors(const fs::path& folder) {
  const Checkpoint checkpoint(folder);
  Tensors tensors;
  for (const SafetensorsFile& file : checkpoint.files()) {
    for (const TensorInfo& info : file.tensors()) {
      const auto bytes = file.bytes(info);
      tensors[info.name] = {info.dtype, info.shape, {bytes.begin(), bytes.end()}};
    }
  }
  return tensors;
}

using Indices = std::vector<size_t>;

Indices first(int kept) {
  Indices indices(static_cast<size_t>(kept));
  std::iota(indices.begin(), indices.end(), size_t{0});
  return indices;
}

void add(Indices& to, size_t start, const Indices& what) {
  for (const size_t index : what) to.push_back(start + index);
}

// Channels of the first heads of every group, by asking for each channel whether it stays.
Indices grouped_channels(int heads, int groups, int width, int kept_heads, int kept_width) {
  Indices indices;
  for (int i = 0; i < heads * width; ++i) {
    const int head = i / width, rank = head % (heads / groups);
    if (rank < kept_heads / groups && i % width < kept_width) indices.push_back(size_t(i));
  }
  return indices;
}

// What a slice must hold, written without nest: the name's ending says which indices of each dimension stay.
std::vector<Indices> expected_indices(const std::string& name, const Tiny& full, const Tiny& cut, char block) {
  const auto ends = [&](const char* ending) { return name.ends_with(ending); };
  const Indices hidden = first(cut.hidden);
  const Indices channels = grouped_channels(full.heads, full.groups, full.head_dim, cut.heads, cut.head_dim);
  const Indices heads = grouped_channels(full.heads, full.groups, 1, cut.heads, 1);
  const Indices queries =
      grouped_channels(full.query_heads, full.kv_heads, full.query_width, cut.query_heads, full.query_width);
  const Indices key_rows = first(full.kv_heads * full.query_width);
  const int inner = full.heads * full.head_dim, bc = 2 * full.groups * full.state;
  const int ffn = block == 'E' ? cut.moe_ffn : cut.ffn;

  if (ends("embeddings.weight") || ends("embedding.weight") || ends("lm_head.weight"))
    return {first(full.vocab), hidden};
  if (ends("in_proj.weight")) {
    Indices rows = channels;                   // z
    add(rows, size_t(inner), channels);        // x
    add(rows, size_t(2 * inner), first(bc));   // B, C
    add(rows, size_t(2 * inner + bc), heads);  // dt
    return {rows, hidden};
  }
  if (ends("conv1d.weight") || ends("conv1d.bias")) {
    Indices rows = channels;
    add(rows, size_t(inner), first(bc));
    if (ends("bias")) return {rows};
    return {rows, first(1), first(full.taps)};
  }
  if (ends("A_log") || ends("mixer.D") || ends("dt_bias")) return {heads};
  if (ends("mixer.norm.weight")) return {channels};
  if (ends("out_proj.weight")) return {hidden, channels};
  if (ends("q_proj.weight")) return {queries, hidden};
  if (ends("k_proj.weight") || ends("v_proj.weight")) return {key_rows, hidden};
  if (ends("o_proj.weight")) return {hidden, queries};
  if (ends("gate.weight")) return {first(cut.experts), hidden};
  if (ends("e_score_correction_bias")) return {first(cut.experts)};
  if (ends("experts.up_proj")) return {first(cut.experts), first(ffn), hidden};
  if (ends("experts.down_proj")) return {first(cut.experts), hidden, first(ffn)};
  if (ends("shared_experts.up_proj.weight")) return {first(cut.shared_ffn), hidden};
  if (ends("shared_experts.down_proj.weight")) return {hidden, first(cut.shared_ffn)};
  if (ends("up_proj.weight")) return {first(ffn), hidden};
  if (ends("down_proj.weight")) return {hidden, first(ffn)};
  return {hidden};  // norms
}

Stored gather(const Stored& full, const std::vector<Indices>& indices) {
  Stored out{full.dtype, {}, {}};
  for (const Indices& kept : indices) out.shape.push_back(kept.size());
  const size_t width = size_of(full.dtype);
  for (uint64_t i = 0; i < product(out.shape); ++i) {
    uint64_t rest = i, flat = 0, stride = 1;
    for (size_t d = indices.size(); d-- > 0;) {
      flat += indices[d][rest % indices[d].size()] * stride;
      rest /= indices[d].size();
      stride *= full.shape[d];
    }
    out.bytes.insert(out.bytes.end(), full.bytes.begin() + long(flat * width),
                     full.bytes.begin() + long((flat + 1) * width));
  }
  return out;
}

// The slice of `source` at the widths of `cut`, keeping the blocks `layers`.
Tensors expected_slice(const Source& source, const Tiny& cut, const std::vector<int>& layers) {
  Tensors out;
  for (const auto& [name, stored] : source.tensors) {
    char block = 0;
    std::string new_name = name;
    if (const size_t at = name.find("layers."); at != std::string::npos) {
      const int number = name[at + 7] - '0';
      const auto kept = std::find(layers.begin(), layers.end(), number);
      if (kept == layers.end()) continue;
      block = source.tiny.pattern[size_t(number)];
      new_name[at + 7] = char('0' + (kept - layers.begin()));
    }
    if (const size_t at = name.find(".experts."); at != std::string::npos && std::isdigit(name[at + 9]))
      if (name[at + 9] - '0' >= cut.experts) continue;
    out[new_name] = gather(stored, expected_indices(name, source.tiny, cut, block));
  }
  return out;
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

SliceResult slice_folder(const fs::path& from, const std::string& size, const fs::path& to,
                         const SliceOptions& options = {}) {
  const FamilySpec family = read_family(from);
  return slice(family, family.size(size), to, options);
}

const std::vector<int> kAllLayers{0, 1, 2, 3, 4, 5, 6, 7};

struct AxisCase {
  const char* name;
  const char* key;
  int Tiny::* width;
  int value;
};

class SliceAxis : public testing::TestWithParam<AxisCase> {};

TEST_P(SliceAxis, KeepsTheRightElementsOfEveryTensor) {
  const TestFolder temp;
  const Source source;
  const AxisCase& axis = GetParam();
  source.write(temp / "family", R"({"name": "full"}, {"name": "small", ")" + std::string(axis.key) +
                                    "\": " + std::to_string(axis.value) + "}");
  slice_folder(temp / "family", "small", temp / "out");
  Tiny cut = source.tiny;
  cut.*axis.width = axis.value;
  EXPECT_EQ(read_tensors(temp / "out"), expected_slice(source, cut, kAllLayers));
  const FamilySpec sliced = read_family(temp / "out");
  EXPECT_EQ(sliced.config.require_int({axis.key}), axis.value);
  EXPECT_EQ(sliced.sizes.largest(), 1u);
}

INSTANTIATE_TEST_SUITE_P(All, SliceAxis,
                         testing::Values(AxisCase{"Hidden", "hidden_size", &Tiny::hidden, 32},
                                         AxisCase{"DenseFfn", "intermediate_size", &Tiny::ffn, 16},
                                         AxisCase{"ExpertFfn", "moe_intermediate_size", &Tiny::moe_ffn, 16},
                                         AxisCase{"SharedFfn", "moe_shared_expert_intermediate_size", &Tiny::shared_ffn,
                                                  32},
                                         AxisCase{"Experts", "n_routed_experts", &Tiny::experts, 3},
                                         AxisCase{"MambaHeads", "mamba_num_heads", &Tiny::heads, 2},
                                         AxisCase{"MambaHeadChannels", "mamba_head_dim", &Tiny::head_dim, 16},
                                         AxisCase{"QueryHeads", "num_attention_heads", &Tiny::query_heads, 2}),
                         [](const auto& test) { return test.param.name; });

constexpr const char* kEverything =
    R"({"name": "small", "hidden_size": 16, "intermediate_size": 32, "moe_intermediate_size": 16,
        "moe_shared_expert_intermediate_size": 16, "n_routed_experts": 2, "mamba_num_heads": 2, "mamba_head_dim": 16,
        "num_attention_heads": 2, "layers": [0, 1, 4, 6]})";
constexpr const char* kMiddle = R"({"name": "mid", "hidden_size": 32, "n_routed_experts": 4, "mamba_head_dim": 16})";
const std::string kChain = std::string(R"({"name": "full"}, )") + kMiddle + ", " + kEverything;

Tiny small_widths() {
  Tiny cut;
  cut.hidden = 16, cut.ffn = 32, cut.moe_ffn = 16, cut.shared_ffn = 16, cut.experts = 2;
  cut.heads = 2, cut.head_dim = 16, cut.query_heads = 2;
  return cut;
}

class SliceForms : public testing::TestWithParam<std::tuple<const char*, const char*, bool, Layout>> {};

TEST_P(SliceForms, EveryAxisAtOnceUnderEveryFormOfNames) {
  const auto& [prefix, embedding, stacked, layout] = GetParam();
  const TestFolder temp;
  const Source source(Tiny{}, Naming{prefix, embedding, stacked});
  source.write(temp / "family", kChain, layout);
  const SliceResult result = slice_folder(temp / "family", "small", temp / "out");
  const Tensors expected = expected_slice(source, small_widths(), {0, 1, 4, 6});
  EXPECT_EQ(read_tensors(temp / "out"), expected);
  EXPECT_EQ(result.tensors, expected.size());
  uint64_t bytes = 0;
  for (const auto& [name, stored] : expected) bytes += stored.bytes.size();
  EXPECT_EQ(result.bytes, bytes);

  const FamilySpec sliced = read_family(temp / "out");
  EXPECT_EQ(pattern_of(sliced.spec.blocks), "M-*E");
  EXPECT_EQ(sliced.config.require_int({"num_hidden_layers"}), 4);
  EXPECT_EQ(sliced.spec.hidden, 16);
}

INSTANTIATE_TEST_SUITE_P(All, SliceForms,
                         testing::Combine(testing::Values("backbone.", "model."),
                                          testing::Values("embeddings", "embedding"), testing::Bool(),
                                          testing::Values(Layout::single, Layout::sharded)));

TEST(Slice, OfTheFullSizeIsTheSource) {
  const TestFolder temp;
  const Source source;
  source.write(temp / "family", kChain);
  slice_folder(temp / "family", "full", temp / "out");
  EXPECT_EQ(file_text(temp / "out/model.safetensors"), file_text(temp / "family/model.safetensors"));
}

// The same size, described inside a slice of `outer`.
Size within(const Size& outer, const Size& inner) {
  Size size{inner.name, {inner.widths.hidden, {}}};
  for (size_t b = 0; b < outer.widths.blocks.size(); ++b)
    if (outer.widths.blocks[b].kept) size.widths.blocks.push_back(inner.widths.blocks[b]);
  return size;
}

void expect_same_files(const fs::path& a, const fs::path& b) {
  std::set<std::string> names;
  for (const fs::path& folder : {a, b})
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  for (const std::string& name : names) EXPECT_EQ(file_text(a / name), file_text(b / name)) << name;
}

TEST(Slice, OfASliceIsTheSliceOfTheFamily) {
  const TestFolder temp;
  const Source source;
  source.write(temp / "family", kChain, Layout::sharded);
  const FamilySpec family = read_family(temp / "family");
  slice(family, family.size("mid"), temp / "mid");
  slice(family, family.size("small"), temp / "small");
  const FamilySpec middle = read_family(temp / "mid");
  slice(middle, within(family.size("mid"), family.size("small")), temp / "again");
  expect_same_files(temp / "small", temp / "again");
}

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

TEST(SliceError, RefusesQuantisedWeights) {
  const std::string error = error_after([](Source& s) {
    s.tensors["backbone.layers.1.mixer.up_proj.weight"] = pattern("x", DType::u8, {48, 24});
    s.tensors["backbone.layers.1.mixer.up_proj.weight_scale"] = pattern("y", DType::f8_e4m3, {48, 3});
    s.tensors["backbone.layers.1.mixer.up_proj.weight_scale_2"] = pattern("z", DType::f32, {});
  });
  EXPECT_CONTAINS(error, "weights are not sliced yet");
  EXPECT_CONTAINS(error, "backbone.layers.1.mixer.up_proj.weight");
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

// Random checkpoints made by transformers, where the tree has them.
std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fs::path(STARNEST_SOURCE_DIR) / "tests/golden", ignored))
    if (fs::exists(entry.path() / "elastic.json") && has_weights(entry.path()))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class SliceGolden : public testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SliceGolden);

TEST_P(SliceGolden, EverySizeIsACompleteModelAndSlicesOfSlicesAgree) {
  const TestFolder temp;
  const FamilySpec family = read_family(fs::path(STARNEST_SOURCE_DIR) / "tests/golden" / GetParam());
  const Size* outer = nullptr;
  for (const Size& size : family.sizes.largest_first()) {
    slice(family, size, temp / size.name);
    const FamilySpec sliced = read_family(temp / size.name);
    slice(sliced, sliced.largest(), temp / (size.name + "_copy"));  // checks that every tensor is there and fits
    expect_same_files(temp / size.name, temp / (size.name + "_copy"));
    if (outer) {
      slice(read_family(temp / outer->name), within(*outer, size), temp / (size.name + "_again"));
      expect_same_files(temp / size.name, temp / (size.name + "_again"));
    }
    outer = &size;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SliceGolden, testing::ValuesIn(golden_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace starnest
