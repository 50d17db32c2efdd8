#include "generate/generation_config.h"

#include <gtest/gtest.h>

#include "base/test_support.h"

namespace starnest {
namespace {

Sampling sampling_of(const std::string& text) {
  const TestFolder folder;
  folder.write("generation_config.json", text);
  return read_sampling(folder.path());
}

TEST(GenerationConfig, SamplesOnlyWhenTheFileSaysSo) {
  const TestFolder empty;
  EXPECT_EQ(read_sampling(empty.path()).temperature, 0);
  EXPECT_EQ(sampling_of("{}").temperature, 0);
  EXPECT_EQ(sampling_of(R"({"temperature": 0.7})").temperature, 0);
  EXPECT_EQ(sampling_of(R"({"do_sample": false, "temperature": 0.7})").temperature, 0);
  EXPECT_EQ(sampling_of(R"({"do_sample": null, "temperature": 0.7})").temperature, 0);
  EXPECT_EQ(sampling_of(R"({"do_sample": true})").temperature, 1);
  EXPECT_EQ(sampling_of(R"({"do_sample": true, "temperature": null})").temperature, 1);
  EXPECT_EQ(sampling_of(R"({"do_sample": true, "temperature": 0.7})").temperature, 0.7f);
}

TEST(GenerationConfig, FiltersAreOffUnlessNamedAndStayForWhoSetsATemperature) {
  for (const char* text : {R"({"do_sample": true})", R"({"top_k": null, "top_p": null, "min_p": null})"}) {
    const Sampling off = sampling_of(text);
    EXPECT_EQ(off.top_k, 0);
    EXPECT_EQ(off.top_p, 1);
    EXPECT_EQ(off.min_p, 0);
  }
  for (const char* start : {R"({"do_sample": true, )", "{"}) {
    const Sampling all = sampling_of(start + std::string(R"("top_k": 20, "top_p": 0.95, "min_p": 0.05})"));
    EXPECT_EQ(all.top_k, 20);
    EXPECT_EQ(all.top_p, 0.95f);
    EXPECT_EQ(all.min_p, 0.05f);
  }
}

TEST(GenerationConfig, AnInvalidValueNamesFileAndKey) {
  const auto expect = [](const std::string& text, const std::string& key, const std::string& problem) {
    const std::string error = error_of([&] { sampling_of(text); });
    for (const std::string& part : {std::string("generation_config.json"), "'" + key + "'", problem})
      EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  expect(R"({"temperature": -1})", "temperature", "out of range");
  expect(R"({"temperature": "hot"})", "temperature", "wrong type");
  expect(R"({"top_k": -5})", "top_k", "out of range");
  expect(R"({"top_k": 2.5})", "top_k", "wrong type");
  expect(R"({"top_p": 0})", "top_p", "out of range");
  expect(R"({"do_sample": true, "top_p": 1.5})", "top_p", "above 0 and at most 1, got 1.5");
  expect(R"({"min_p": 2})", "min_p", "out of range");
  expect(R"({"do_sample": "yes"})", "do_sample", "wrong type");
}

TEST(GenerationConfig, StopIdsFallBackToTheModelsConfig) {
  const TestFolder folder;
  EXPECT_EQ(read_stop_ids(folder.path(), {7}), (std::vector<TokenId>{7}));
  folder.write("generation_config.json", R"({"eos_token_id": [2, 11]})");
  EXPECT_EQ(read_stop_ids(folder.path(), {7}), (std::vector<TokenId>{2, 11}));
}

}  // namespace
}  // namespace starnest
