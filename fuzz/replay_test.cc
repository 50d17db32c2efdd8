// Every file of every corpus through its target, in the ordinary build too.
#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"
#include "target.h"

namespace starnest::fuzz {
namespace {

struct Named {
  const char* name;
  void (*target)(std::string_view);
};

class Corpus : public testing::TestWithParam<Named> {};

TEST_P(Corpus, RunsThroughItsTarget) {
  size_t count = 0;
  const std::filesystem::path folder = std::filesystem::path(STARNEST_SOURCE_DIR "/fuzz/corpus") / GetParam().name;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    run(GetParam().target, read_text(entry.path()));
    ++count;
  }
  EXPECT_GE(count, 3u);
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus,
                         testing::Values(Named{"safetensors", safetensors}, Named{"elastic", elastic},
                                         Named{"config", config}, Named{"tokenizer", tokenizer},
                                         Named{"prompt", prompt}, Named{"token_index", token_index}, Named{"csv", csv},
                                         Named{"quant_config", quant_config}),
                         [](const auto& named) { return named.param.name; });

}  // namespace
}  // namespace starnest::fuzz
