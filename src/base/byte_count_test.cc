#include "base/byte_count.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "base/text.h"

namespace starnest {
namespace {

TEST(ByteCount, UnitsAreOf1024AndOf1000) {
  EXPECT_EQ(parse_byte_count("--memory", "16GiB"), uint64_t{16} << 30);
  EXPECT_EQ(parse_byte_count("--memory", "16GB"), 16'000'000'000u);
  EXPECT_EQ(parse_byte_count("--memory", "0.5KiB"), 512u);
  EXPECT_EQ(parse_byte_count("--memory", "1.5 MB"), 1'500'000u);
  EXPECT_EQ(parse_byte_count("--memory", "2TiB"), uint64_t{2} << 40);
}

TEST(ByteCount, ReadsWhatBytesTextWrites) {
  EXPECT_EQ(parse_byte_count("--memory", bytes_text(uint64_t{3} << 30)), uint64_t{3} << 30);
}

TEST(ByteCount, AnythingElseIsNamed) {
  for (const char* text : {"", "16", "GiB", "-1GiB", "0GiB", "nanGiB", "infGiB", "16gib", "16GiBs", "16  GiB", " 16GiB",
                           "1e9GiB", "99999999999TiB", "0.0000001KiB"})
    expect_has(error_of([&] { parse_byte_count("--memory", text); }),
               {"--memory: is no amount of memory", "such as 16GiB", "got '"});
}

}  // namespace
}  // namespace starnest
