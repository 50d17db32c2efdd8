// Which elements of which tensors a slice holds.
#include <algorithm>
#include <set>

#include "arch/nemotron_h/nemotron_h.h"
#include "convert/expected_slice.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

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
