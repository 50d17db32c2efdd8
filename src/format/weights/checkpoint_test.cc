#include "format/weights/checkpoint.h"

#include <utility>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "format/weights/safetensors_writer.h"

namespace starnest {
namespace {

// One U8 tensor per name, filled with the name's first letter.
void write_shard(const TestFolder& folder, std::string_view file, const std::vector<std::string>& names) {
  std::vector<TensorHeader> tensors;
  for (const std::string& name : names) tensors.push_back({name, DType::u8, {2}});
  SafetensorsWriter writer(folder / file, tensors, {});
  for (const TensorHeader& tensor : writer.order()) {
    const std::string data(2, tensor.name[0]);
    writer.append(std::as_bytes(std::span(data)));
  }
  writer.commit();
}

void write_index(const TestFolder& folder, std::string_view weight_map) {
  folder.write("model.safetensors.index.json", "{\"weight_map\":" + std::string(weight_map) + "}");
}

std::string refusal(const TestFolder& folder) {
  return error_of([&] { Checkpoint(folder.path()); });
}

TEST(Checkpoint, ReadsASingleFile) {
  const TestFolder folder;
  write_shard(folder, "model.safetensors", {"a", "b"});
  EXPECT_TRUE(has_weights(folder.path()));
  const Checkpoint checkpoint(folder.path());
  EXPECT_EQ(checkpoint.files().size(), 1u);
  EXPECT_EQ(checkpoint.total_bytes(), 4u);
  EXPECT_EQ(checkpoint.find("b")->bytes()[0], std::byte('b'));
  EXPECT_FALSE(checkpoint.find("c"));
}

TEST(Checkpoint, ReadsTheShardsOfAnIndexAndStaysValidWhenMoved) {
  const TestFolder folder;
  write_shard(folder, "one.safetensors", {"a", "c"});
  write_shard(folder, "two.safetensors", {"b", "unlisted"});
  write_index(folder, R"({"a":"one.safetensors","c":"one.safetensors","b":"two.safetensors"})");
  Checkpoint first(folder.path());
  const TensorRef before = *first.find("b");
  const Checkpoint checkpoint(std::move(first));
  EXPECT_EQ(checkpoint.files().size(), 2u);
  EXPECT_EQ(checkpoint.files()[1].path().filename(), "two.safetensors");
  EXPECT_EQ(checkpoint.total_bytes(), 8u);
  EXPECT_EQ(checkpoint.find("b")->bytes()[1], std::byte('b'));
  EXPECT_EQ(before.info, checkpoint.find("b")->info);
  EXPECT_EQ(before.bytes()[1], std::byte('b'));
  EXPECT_TRUE(checkpoint.find("unlisted"));
}

TEST(Checkpoint, AFolderWithoutWeightsIsRefused) {
  const TestFolder folder;
  EXPECT_FALSE(has_weights(folder.path()));
  EXPECT_FALSE(has_weights(folder / "none"));
  expect_has(refusal(folder), {"has no weights", "model.safetensors.index.json"});
}

TEST(Checkpoint, AMissingShardIsNamedWithItsIndex) {
  const TestFolder folder;
  write_index(folder, R"({"a":"gone.safetensors"})");
  EXPECT_TRUE(has_weights(folder.path()));
  expect_has(refusal(folder), {"gone.safetensors", "missing", "model.safetensors.index.json"});
}

TEST(Checkpoint, ATensorThatItsShardLacksIsNamed) {
  const TestFolder folder;
  write_shard(folder, "one.safetensors", {"a"});
  write_index(folder, R"({"a":"one.safetensors","b":"one.safetensors"})");
  expect_has(refusal(folder), {"index.json", "'b'", "one.safetensors"});
}

TEST(Checkpoint, TheIndexSaysWhichShardsCopyCounts) {
  for (const std::string shard : {"one.safetensors", "two.safetensors"}) {
    const TestFolder folder;
    write_shard(folder, "one.safetensors", {"a", "c"});
    write_shard(folder, "two.safetensors", {"a", "b"});
    write_index(folder, R"({"a":")" + shard + R"(","b":"two.safetensors","c":"one.safetensors"})");
    const Checkpoint checkpoint(folder.path());
    EXPECT_EQ(checkpoint.find("a")->file->path().filename(), shard);
    EXPECT_EQ(checkpoint.tensors().size(), 3u);
    EXPECT_EQ(checkpoint.superseded(), 1u);
  }
}

TEST(Checkpoint, ATensorInTwoShardsThatTheIndexDoesNotNameIsNamedWithBoth) {
  const TestFolder folder;
  write_shard(folder, "one.safetensors", {"a", "c"});
  write_shard(folder, "two.safetensors", {"a", "b"});
  write_index(folder, R"({"c":"one.safetensors","b":"two.safetensors"})");
  expect_has(refusal(folder), {"'a'", "one.safetensors", "two.safetensors"});
}

TEST(Checkpoint, ShardNamesMustStayInTheFolder) {
  const TestFolder folder;
  for (const char* name : {"../x", "/etc/passwd", "sub/x", "..", ".", "", "a\\\\b", "a\\u0000b"}) {
    write_index(folder, std::string(R"({"a":")") + name + "\"}");
    expect_has(refusal(folder), {"plain file name"});
  }
}

TEST(Checkpoint, ABrokenIndexIsRefused) {
  const TestFolder folder;
  for (const char* index :
       {"", "[]", "{", "{}", R"({"weight_map":[]})", R"({"weight_map":{}})", R"({"weight_map":{"a":1}})"}) {
    folder.write("model.safetensors.index.json", index);
    expect_has(refusal(folder), {"model.safetensors.index.json"});
  }
}

}  // namespace
}  // namespace starnest
