#include "format/weights/safetensors_writer.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "format/weights/safetensors.h"

namespace starnest {
namespace {

const std::filesystem::path kPythonWritten = STARNEST_SOURCE_DIR "/tests/golden/safetensors/python_written.safetensors";

std::string refusal(std::vector<TensorHeader> tensors, const std::map<std::string, std::string>& metadata = {}) {
  const TestFolder folder;
  return error_of([&] { SafetensorsWriter(folder / "m.safetensors", tensors, metadata); });
}

std::vector<std::string> names(std::span<const TensorHeader> tensors) {
  std::vector<std::string> list;
  for (const TensorHeader& tensor : tensors) list.push_back(tensor.name);
  return list;
}

TEST(SafetensorsWriter, EqualsTheFileThatPythonWrote) {
  const TestFolder folder;
  const SafetensorsFile original(kPythonWritten);
  std::vector<TensorHeader> tensors;
  for (const TensorInfo& info : original.tensors()) tensors.push_back({info.name, info.dtype, info.shape});
  std::reverse(tensors.begin(), tensors.end());

  SafetensorsWriter writer(folder / "m.safetensors", tensors, original.metadata());
  for (const TensorHeader& tensor : writer.order()) writer.append(original.bytes(*original.find(tensor.name)));
  writer.commit();
  EXPECT_EQ(read_text(folder / "m.safetensors"), read_text(kPythonWritten));
}

TEST(SafetensorsWriter, OrdersAllDtypesAsTheRustSerializer) {
  const TestFolder folder;
  const SafetensorsWriter writer(folder / "m.safetensors",
                                 {{"b", DType::u8, {1}},
                                  {"a", DType::u8, {1}},
                                  {"c", DType::f8_e4m3, {1}},
                                  {"d", DType::f16, {1}},
                                  {"e", DType::bf16, {1}},
                                  {"f", DType::f32, {1}},
                                  {"g", DType::i64, {1}},
                                  {"Z", DType::f32, {}}},
                                 {});
  EXPECT_EQ(names(writer.order()), (std::vector<std::string>{"g", "Z", "f", "e", "d", "c", "a", "b"}));
  EXPECT_EQ(writer.data_bytes(), 8u + 4 + 4 + 2 + 2 + 1 + 1 + 1);
}

TEST(SafetensorsWriter, TakesBytesInAnyChunks) {
  const TestFolder folder;
  SafetensorsWriter writer(folder / "m", {{"a", DType::u8, {3}}, {"b", DType::u8, {2}}}, {{"k", "v"}});
  const std::string data = "12345";
  for (const char& c : data) writer.append(std::as_bytes(std::span(&c, 1)));
  writer.append({});
  EXPECT_FALSE(std::filesystem::exists(folder / "m"));
  writer.commit();
  const std::string text = read_text(folder / "m");
  EXPECT_TRUE(text.ends_with(data));
  EXPECT_EQ((text.size() - data.size()) % 8, 0u);
  EXPECT_NE(text.find(R"({"__metadata__":{"k":"v"},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"), text.npos);
  EXPECT_EQ(SafetensorsFile(folder / "m").metadata().at("k"), "v");
}

TEST(SafetensorsWriter, LeavesNothingWithoutCommit) {
  const TestFolder folder;
  {
    SafetensorsWriter(folder / "m", {{"a", DType::u8, {0}}}, {});
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriter, RefusesTensorsThatAReaderWouldRefuse) {
  EXPECT_NE(refusal({{"a", DType::u8, {}}, {"a", DType::f32, {}}}).find("'a'"), std::string::npos);
  EXPECT_NE(refusal({{"__metadata__", DType::u8, {}}}).find("__metadata__"), std::string::npos);
  EXPECT_NE(refusal({{"\xff", DType::u8, {}}}).find("UTF-8"), std::string::npos);
  EXPECT_NE(refusal({}, {{"k", "\xc3"}}).find("UTF-8"), std::string::npos);
  EXPECT_NE(refusal({{"a", DType::i64, {uint64_t{1} << 61}}}).find("too large"), std::string::npos);
  EXPECT_NE(refusal({{"a", DType::u8, {uint64_t(-1)}}, {"b", DType::u8, {1}}}).find("too large"), std::string::npos);
}

TEST(SafetensorsWriterDeathTest, MistakesOfTheCallerAbort) {
  const TestFolder folder;
  SafetensorsWriter writer(folder / "m", {{"a", DType::u8, {1}}}, {});
  EXPECT_DEATH(writer.commit(), "before all bytes");
  const std::byte bytes[2]{};
  EXPECT_DEATH(writer.append(bytes), "more bytes");
  EXPECT_DEATH(writer.put("a", 0, bytes), "more bytes");
  EXPECT_DEATH(writer.put("a", 2, {}), "more bytes");
  EXPECT_DEATH(writer.put("b", 0, {}), "does not have");
}

TEST(SafetensorsWriter, TakesBytesInAnyOrder) {
  const TestFolder folder;
  const std::vector<TensorHeader> headers{{"a", DType::u8, {3}}, {"b", DType::f32, {1}}};
  const std::array<std::byte, 4> b{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  const std::array<std::byte, 3> a{std::byte{5}, std::byte{6}, std::byte{7}};
  SafetensorsWriter in_order(folder / "in_order", headers, {{"k", "v"}});
  in_order.append(b);
  in_order.append(a);
  in_order.commit();
  SafetensorsWriter mixed(folder / "mixed", headers, {{"k", "v"}});
  mixed.put("a", 2, std::span(a).subspan(2));
  mixed.put("b", 0, b);
  mixed.put("a", 0, std::span(a).first(2));
  mixed.commit();
  EXPECT_EQ(file_text(folder / "mixed"), file_text(folder / "in_order"));
}

}  // namespace
}  // namespace starnest
