#include "format/weights/safetensors.h"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/test_support.h"

namespace starnest {
namespace {

std::string with_length(std::string_view header, uint64_t length) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += char(length >> (8 * i));
  return file.append(header);
}

std::string file_of(std::string_view header, size_t data_bytes) {
  return with_length(header, header.size()) + std::string(data_bytes, 'x');
}

// The message with which a file is refused.
std::string refusal(const std::string& content) {
  const TestFolder folder;
  const auto path = folder.write("m.safetensors", content);
  return error_of([&] { SafetensorsFile{path}; });
}

std::string refusal(std::string_view header, size_t data_bytes) { return refusal(file_of(header, data_bytes)); }

TEST(Safetensors, ReadsTensorsInFileOrderWithTheirBytes) {
  const TestFolder folder;
  const auto path = folder.write(
      "m.safetensors", file_of(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},)"
                               R"("a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}   )",
                               6));
  SafetensorsFile first(path);
  const SafetensorsFile file(std::move(first));
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.tensors()[0].shape, (std::vector<uint64_t>{1, 1}));
  EXPECT_EQ(file.find("b"), &file.tensors()[1]);
  EXPECT_EQ(file.find("b")->dtype, DType::u8);
  EXPECT_EQ(file.bytes(*file.find("b")).size(), 2u);
  EXPECT_EQ(file.bytes(*file.find("b")).data(), file.bytes(*file.find("a")).data() + 4);
  EXPECT_EQ(file.find("c"), nullptr);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.path(), path);
}

TEST(Safetensors, ReadsScalarsAndEmptyTensors) {
  const TestFolder folder;
  const auto path = folder.write("m.safetensors", file_of(R"({"s":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},)"
                                                          R"("e":{"dtype":"I64","shape":[0,4],"data_offsets":[0,0]},)"
                                                          R"("f":{"dtype":"F16","shape":[0],"data_offsets":[2,2]}})",
                                                          2));
  const SafetensorsFile file(path);
  EXPECT_EQ(file.tensors()[0].name, "e");
  EXPECT_EQ(file.bytes(*file.find("s")).size(), 2u);
  EXPECT_TRUE(file.bytes(*file.find("f")).empty());
}

TEST(Safetensors, AFileWithoutTensorsIsEmpty) {
  const TestFolder folder;
  EXPECT_TRUE(SafetensorsFile(folder.write("m.safetensors", file_of("{}", 0))).tensors().empty());
}

TEST(Safetensors, RefusesLengthsThatDoNotFitTheFile) {
  expect_has(refusal(""), {"m.safetensors", "at least 8 bytes", "got 0"});
  expect_has(refusal("1234567"), {"got 7"});
  expect_has(refusal(with_length("{}", 3)), {"ends inside its header"});
  expect_has(refusal(with_length("{}", uint64_t(-1))), {"header is too long", "18,446,744,073,709,551,615"});
  expect_has(refusal(with_length("{}", 100'000'001)), {"at most 100,000,000 bytes"});
}

TEST(Safetensors, RefusesWhatIsNotAJsonObject) {
  expect_has(refusal("[]", 0), {"does not begin with '{'"});
  expect_has(refusal(" {}", 0), {"does not begin with '{'"});
  expect_has(refusal("{", 0), {"not JSON"});
  expect_has(refusal("{} {}", 0), {"not JSON"});
  expect_has(refusal(std::string_view("{}\0{", 4), 0), {"NUL at its byte 2"});
  expect_has(refusal("{\"\xff\":1}", 0), {"not JSON"});
  expect_has(refusal(R"({"a":3})", 0), {"tensor 'a'", "expected an object, got 3"});
  expect_has(refusal(R"({"a":[{}]})", 0), {"expected an object, got an array"});
}

TEST(Safetensors, RefusesDeepNestingWithoutRecursion) {
  expect_has(refusal(R"({"a":)" + std::string(1'000'000, '['), 0), {"expected an object"});
}

TEST(Safetensors, RefusesKeysThatAreTwiceMissingOrUnknown) {
  const std::string tensor = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  expect_has(refusal("{\"a\":" + tensor + ",\"a\":" + tensor + "}", 1), {"tensor 'a'", "twice"});
  expect_has(refusal(R"({"__metadata__":{},"__metadata__":{}})", 0), {"two '__metadata__'"});
  expect_has(refusal(R"({"__metadata__":{"k":"1","k":"1"}})", 0), {"'k' twice"});
  expect_has(refusal(R"({"a":{"dtype":"U8","dtype":"U8"}})", 0), {"'dtype' appears twice"});
  expect_has(refusal(R"({"a":{"dtype":"U8","shape":[1]}})", 0), {"'data_offsets' is missing"});
  expect_has(refusal(R"({"a":{}})", 0), {"'dtype' is missing"});
  expect_has(refusal(R"({"a":{"kind":1}})", 0), {"unknown key", "'kind'"});
}

TEST(Safetensors, RefusesValuesOfTheWrongType) {
  const auto with_shape = [](const char* shape) {
    return refusal(std::string(R"({"a":{"dtype":"U8","shape":)") + shape + R"(,"data_offsets":[0,1]}})", 1);
  };
  for (const char* shape :
       {"1", "[-1]", "[1.0]", "[1e0]", "[true]", "[null]", "[[1]]", "[\"1\"]", "[{}]", "[18446744073709551616]"}) {
    expect_has(with_shape(shape), {"tensor 'a'", "wrong type", "expected"});
  }
  expect_has(refusal(R"({"a":{"dtype":8}})", 0), {"expected a string, got 8"});
  expect_has(refusal(R"({"__metadata__":{"k":1}})", 0), {"'k'", "expected a string"});
  expect_has(refusal(R"({"__metadata__":null})", 0), {"'__metadata__'", "expected an object, got null"});
  expect_has(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1), {"two numbers"});
  expect_has(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})", 1), {"more than two"});
}

TEST(Safetensors, NamesAnUnknownDtype) {
  expect_has(refusal(R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8), {"tensor 'a'", "'F64'", "BF16"});
}

TEST(Safetensors, RefusesGapsOverlapsAndUncoveredBytes) {
  const auto two = [](const char* a, const char* b, size_t data_bytes) {
    return refusal(std::string(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)") + a +
                       R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)" + b + "}}",
                   data_bytes);
  };
  EXPECT_EQ(two("[0,2]", "[2,4]", 4), "no error");
  EXPECT_EQ(two("[2,4]", "[0,2]", 4), "no error");
  expect_has(two("[0,2]", "[1,3]", 3), {"tensor 'b'", "overlaps", "a begin of 2, got 1"});
  expect_has(two("[0,2]", "[0,2]", 2), {"overlaps"});
  expect_has(two("[0,2]", "[3,5]", 5), {"tensor 'b'", "gap"});
  expect_has(two("[0,2]", "[2,4]", 5), {"do not cover", "4 bytes, got 5"});
  expect_has(two("[0,2]", "[2,4]", 3), {"outside the file", "got 4"});
  expect_has(two("[0,2]", "[4,2]", 4), {"backwards"});
  expect_has(two("[0,2]", "[2,18446744073709551615]", 4), {"outside the file"});
}

TEST(Safetensors, RefusesShapesThatDoNotMatchTheBytes) {
  const auto one = [](const char* shape) {
    return refusal(std::string(R"({"a":{"dtype":"F32","shape":)") + shape + R"(,"data_offsets":[0,8]}})", 8);
  };
  EXPECT_EQ(one("[2]"), "no error");
  expect_has(one("[3]"), {"expected 12 for F32 [3], got 8"});
  expect_has(one("[4294967296,4294967296]"), {"overflows"});
  expect_has(one("[4611686018427387906]"), {"overflows"});  // x 4 would wrap to 8
  expect_has(one("[4294967296,4294967296,0]"), {"overflows"});
}

TEST(Safetensors, RefusesMoreTensorsThanItsLimit) {
  std::string header = "{";
  for (uint64_t i = 0; i <= kMaxSafetensorsTensors; ++i) {
    header += (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  }
  expect_has(refusal(header + "}", 0), {"too many tensors", "1,000,000"});
}

// Whatever the bytes are, the answer is a file or an Error: no other exception, and nothing for a sanitizer to find.
TEST(Safetensors, ADamagedHeaderIsReadOrRefused) {
  const TestFolder folder;
  const std::string whole = read_text(STARNEST_SOURCE_DIR "/tests/golden/safetensors/python_written.safetensors");
  Rng rng(1);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = whole;
    for (int edit = rng.between(1, 3); edit > 0; --edit) {
      const size_t at = rng.below(std::min<size_t>(damaged.size(), 780));
      if (rng.below(4) == 0)
        damaged.erase(at, rng.below(9));
      else
        damaged[at] = rng.below(2) ? "{}[]\":,0123456789-."[rng.below(19)] : char(rng.below(256));
    }
    refused += error_of([&] { SafetensorsFile{folder.write("m", damaged)}; }) != "no error";
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace starnest
