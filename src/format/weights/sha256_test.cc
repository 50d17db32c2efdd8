#include "format/weights/sha256.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_support.h"

namespace starnest {
namespace {

constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string hex_of(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text.data(), text.size()))); }

TEST(Sha256, AgreesWithTheVectorsOfFips180) {
  EXPECT_EQ(hex_of(""), kEmpty);
  EXPECT_EQ(hex_of("abc"), kAbc);
  EXPECT_EQ(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PartsGiveTheDigestOfTheWhole) {
  Sha256 digest;
  digest.update("a");
  digest.update("");
  Sha256 moved = std::move(digest);
  moved.update("bc");
  EXPECT_EQ(moved.hex(), kAbc);
}

TEST(Sha256, ManifestListsTheFilesOfAFolderSorted) {
  const TestFolder folder;
  folder.write("b.txt", "abc");
  folder.write("a b.bin", "");
  folder.write("half.tmp", "x");
  std::filesystem::create_directory(folder / "sub");
  write_sha256sums(folder.path());
  write_sha256sums(folder.path());  // does not list itself
  EXPECT_EQ(read_text(folder / "SHA256SUMS"), std::string(kEmpty) + "  a b.bin\n" + kAbc + "  b.txt\n");
  EXPECT_EQ(sha256_hex_of_file(folder / "b.txt"), kAbc);
}

TEST(Sha256, ANameThatTheManifestCannotHoldIsRefused) {
  const TestFolder folder;
  folder.write("a\nb", "");
  EXPECT_NE(error_of([&] { write_sha256sums(folder.path()); }).find("SHA256SUMS"), std::string::npos);
  EXPECT_NE(error_of([&] { write_sha256sums(folder / "none"); }).find("none"), std::string::npos);
}

}  // namespace
}  // namespace starnest
