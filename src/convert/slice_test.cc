// Which elements of which tensors a slice holds.
#include <algorithm>
#include <cctype>
#include <set>

#include "arch/nemotron_h/nemotron_h.h"
#include "convert/test_source.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

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

TensorBytes gather(const TensorBytes& full, const std::vector<Indices>& indices) {
  TensorBytes out{full.dtype, {}, {}};
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
StoredTensors expected_slice(const Source& source, const Tiny& cut, const std::vector<int>& layers) {
  StoredTensors out;
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

const std::vector<int> kAllLayers{0, 1, 2, 3, 4, 5, 6, 7};

struct AxisCase {
  const char* name;
  const char* key;
  int Tiny::* width;
  int value;
};

void expect_same_files(const fs::path& a, const fs::path& b) {
  std::set<std::string> names;
  for (const fs::path& folder : {a, b})
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  for (const std::string& name : names) EXPECT_EQ(file_text(a / name), file_text(b / name)) << name;
}

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
  const Source source(Tiny{}, nemotron_h::Naming{prefix, embedding, stacked});
  source.write(temp / "family", kChain, layout);
  const SliceResult result = slice_folder(temp / "family", "small", temp / "out");
  const StoredTensors expected = expected_slice(source, small_widths(), {0, 1, 4, 6});
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
