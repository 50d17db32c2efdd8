// A size cut out as a folder of its own against the same size in place, and slices of slices.
#include "convert/slice.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/test_support.h"
#include "checkpoints.h"
#include "starnest/error.h"

namespace starnest {
namespace {

class Slice : public testing::TestWithParam<std::string> {
 protected:
  TestFolder folder;
  FamilySpec family = read_family(folder_of(GetParam()));
  std::vector<TokenId> ids = golden::read(golden_of(GetParam()), "full").ids;
};

TEST_P(Slice, ComputesTheBitsOfTheSizeInPlace) {
  Engine in_place(family, {.threads = 1});
  for (const Size& size : family.sizes.ascending()) {
    const std::filesystem::path out = folder / size.name;
    slice(family, size, out);
    Engine sliced(read_family(out), {.threads = 2});
    const auto a = golden::logits_of(in_place, size.name, ids), b = golden::logits_of(sliced, "full", ids);
    EXPECT_TRUE(golden::same_bits(a, b)) << size.name;
  }
}

TEST_P(Slice, OfASliceIsTheSliceOfTheWhole) {
  // "mid" keeps the blocks and axes of which "small" is a prefix; describe "small" inside the sliced "mid".
  const Size &mid = family.size("mid"), &small = family.size("small");
  slice(family, mid, folder / "mid");
  slice(family, small, folder / "direct");
  FamilySpec inner = read_family(folder / "mid");
  Widths widths;
  for (size_t b = 0; b < small.widths.blocks.size(); ++b)
    if (mid.widths.blocks[b].kept) widths.blocks.push_back(small.widths.blocks[b]);
  widths.set_hidden(small.widths.hidden);
  slice(inner, {"small", widths}, folder / "twice");
  const Checkpoint direct(folder / "direct"), twice(folder / "twice");
  size_t tensors = 0;
  for (const SafetensorsFile& file : direct.files())
    for (const TensorInfo& info : file.tensors()) {
      const auto other = twice.find(info.name);
      ASSERT_TRUE(other) << info.name;
      const auto a = file.bytes(info), b = other->bytes();
      EXPECT_TRUE(info.shape == other->info->shape && std::equal(a.begin(), a.end(), b.begin(), b.end())) << info.name;
      ++tensors;
    }
  EXPECT_GT(tensors, 10u);
  EXPECT_EQ(direct.total_bytes(), twice.total_bytes());
}

// No file of this process may grow past some bytes: what a full disk does to the writer.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST(SliceDiskFull, LeavesTheOldFolderAndNamesTheFile) {
  const TestFolder folder;
  const FamilySpec family = read_family(golden::folder("moe_f32"));
  const std::filesystem::path out = folder / "out";
  slice(family, family.size("small"), out);
  const std::string before = read_text(out / "SHA256SUMS"), config = read_text(out / "config.json");
  std::string message;
  {
    const SmallFiles full(8192);
    message = error_of([&] { slice(family, family.size("mid"), out, {.overwrite = Overwrite::replace}); });
  }
  EXPECT_NE(message.find("model.safetensors"), std::string::npos) << message;
  EXPECT_NE(message.find("cannot write"), std::string::npos) << message;
  EXPECT_EQ(read_text(out / "SHA256SUMS"), before);
  EXPECT_EQ(read_text(out / "config.json"), config);
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++entries;
  EXPECT_EQ(entries, 1u) << "something unfinished was left behind";
}

// Widths that differ from block to block: of the two MoE blocks and the two Mamba blocks of this model.
constexpr const char* kLists = R"({"format": "starnest-elastic", "version": 1, "sizes": [
  {"name": "full"},
  {"name": "uneven", "moe_intermediate_size": [0, 0, 16, 0, 0, 32], "mamba_num_heads": [2, 0, 0, 4, 0, 0],
   "num_attention_heads": [0, 2, 0, 0, 4, 0]},
  {"name": "inner", "hidden_size": 32, "moe_intermediate_size": 16, "mamba_num_heads": 2,
   "n_routed_experts": [0, 0, 2, 0, 0, 4], "num_attention_heads": 2}]})";

TEST(SliceWithLists, ComputesTheBitsOfTheSizeInPlaceAndIsRefusedUnlessAllowed) {
  const TestFolder folder;
  const FamilySpec family = read_family(golden::folder("moe_f32"), folder.write("lists.json", kLists));
  const std::vector<TokenId> ids = golden::read("moe_f32", "full").ids;
  Engine in_place(family, {.threads = 1});
  for (const char* name : {"uneven", "inner"}) {
    const Size& size = family.size(name);
    EXPECT_NE(error_of([&] { slice(family, size, folder / name); }).find("--allow-lists"), std::string::npos);
    std::string note;
    slice(family, size, folder / name,
          {.per_block = PerBlockWidths::allow, .note = [&](const std::string& text) { note += text; }});
    EXPECT_NE(note.find("only starnest"), std::string::npos) << note;
    const FamilySpec sliced = read_family(folder / name);
    EXPECT_EQ(full_widths(sliced.spec), size.widths);
    Engine apart(sliced, {.threads = 2});
    EXPECT_TRUE(golden::same_bits(golden::logits_of(in_place, name, ids), golden::logits_of(apart, "full", ids)));
  }
  // Cut again from the uneven slice, with the list that describes the inner size there.
  const FamilySpec uneven = read_family(folder / "uneven");
  slice(uneven, {"inner", family.size("inner").widths}, folder / "twice", {.per_block = PerBlockWidths::allow});
  Engine twice(read_family(folder / "twice"), {.threads = 1});
  EXPECT_TRUE(golden::same_bits(golden::logits_of(in_place, "inner", ids), golden::logits_of(twice, "full", ids)));
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, Slice, testing::ValuesIn(kCheckpoints), test_name);

}  // namespace
}  // namespace starnest
