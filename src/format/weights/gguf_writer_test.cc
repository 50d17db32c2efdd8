#include "format/weights/gguf_writer.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

// Little-endian numbers and texts, as the format's description lists them.
struct Bytes {
  std::string text;
  Bytes& u8(uint8_t x) { return number(x, 1); }
  Bytes& u32(uint32_t x) { return number(x, 4); }
  Bytes& u64(uint64_t x) { return number(x, 8); }
  Bytes& str(const std::string& s) {
    u64(s.size());
    text += s;
    return *this;
  }
  Bytes& aligned() {
    while (text.size() % 32) text += '\0';
    return *this;
  }

 private:
  Bytes& number(uint64_t x, int width) {
    for (int i = 0; i < width; ++i) text += char(x >> (8 * i));
    return *this;
  }
};

std::vector<std::byte> filled(size_t count, int value) { return std::vector<std::byte>(count, std::byte(value)); }

std::string refused(const std::vector<GgufKey>& keys, std::vector<GgufTensor> tensors) {
  const TestFolder folder;
  const std::string error = error_of([&] { GgufWriter(folder / "m.gguf", keys, std::move(tensors)); });
  EXPECT_FALSE(std::filesystem::exists(folder / "m.gguf"));
  return error;
}

TEST(GgufWriter, WritesTheBytesOfTheFormat) {
  const TestFolder folder;
  const std::vector<GgufKey> keys{{"a.text", std::string("hi")},
                                  {"a.count", uint32_t{7}},
                                  {"a.eps", 1.5f},
                                  {"a.flag", true},
                                  {"a.list", std::vector<int32_t>{-1, 2}},
                                  {"a.flags", std::vector<bool>{true, false}},
                                  {"a.words", std::vector<std::string>{"x", ""}}};
  GgufWriter writer(folder / "m.gguf", keys, {{"t", GgmlType::f32, {2, 3}}, {"q", GgmlType::q8_0, {1, 64}}});
  EXPECT_EQ(writer.bytes(), 24u + 68u);
  writer.append(filled(10, 1));
  writer.append(filled(14 + 60, 2));  // across the border of two tensors
  writer.append(filled(8, 3));
  EXPECT_FALSE(std::filesystem::exists(folder / "m.gguf"));
  writer.commit();

  Bytes want;
  want.text = "GGUF";
  want.u32(3).u64(2).u64(7);
  want.str("a.text").u32(8).str("hi");
  want.str("a.count").u32(4).u32(7);
  want.str("a.eps").u32(6).u32(0x3fc00000);
  want.str("a.flag").u32(7).u8(1);
  want.str("a.list").u32(9).u32(5).u64(2).u32(0xffffffff).u32(2);
  want.str("a.flags").u32(9).u32(7).u64(2).u8(1).u8(0);
  want.str("a.words").u32(9).u32(8).u64(2).str("x").str("");
  want.str("t").u32(2).u64(3).u64(2).u32(0).u64(0);
  want.str("q").u32(2).u64(64).u64(1).u32(8).u64(32);
  want.aligned();
  want.text += std::string(10, 1) + std::string(14, 2) + std::string(8, '\0');
  want.text += std::string(60, 2) + std::string(8, 3);
  want.aligned();
  EXPECT_EQ(file_text(folder / "m.gguf"), want.text);
}

TEST(GgufWriter, RefusesWhatReadersDoNotTake) {
  EXPECT_CONTAINS(refused({{"k", true}, {"k", 1.0f}}, {}), "two keys are named 'k'");
  EXPECT_CONTAINS(refused({}, {{"t", GgmlType::f32, {1}}, {"t", GgmlType::f16, {1}}}), "two tensors are named 't'");
  EXPECT_CONTAINS(refused({{"k", std::string("\xff")}}, {}), "not UTF-8");
  EXPECT_CONTAINS(refused({}, {{std::string(64, 'n'), GgmlType::f32, {1}}}), "too long; expected at most 63 bytes");
  EXPECT_CONTAINS(refused({}, {{"t", GgmlType::f32, {}}}), "expected 1 to 4 dimensions, got 0");
  EXPECT_CONTAINS(refused({}, {{"t", GgmlType::f32, {1, 1, 1, 1, 1}}}), "got 5");
  EXPECT_CONTAINS(refused({}, {{"t", GgmlType::f32, {uint64_t{1} << 40, uint64_t{1} << 40}}}), "too large");
}

}  // namespace
}  // namespace starnest
