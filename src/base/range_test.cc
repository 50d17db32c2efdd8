#include "base/range.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

TEST(Range, BothEndsAreAllowedAndWhatLiesOutsideIsNamed) {
  require_range("--x", 1, 1, 3);
  require_range("--x", 3, 1, 3);
  EXPECT_EQ(error_of([] { require_range("--x", 4, 1, 3, "Say less"); }),
            "--x: is out of range; expected 1 to 3, got 4. Say less.");
  EXPECT_EQ(error_of([] { require_range("--x", 0, 1, 3); }), "--x: is out of range; expected 1 to 3, got 0.");
  require_at_least("--y", 2, 2);
  EXPECT_EQ(error_of([] { require_at_least("--y", 1, 2); }), "--y: is too small; expected at least 2, got 1.");
}

}  // namespace
}  // namespace starnest
