#include "generate/generation_config.h"

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "generate/sampling.h"

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
    const TestFolder folder;
    folder.write("generation_config.json", text);
    const std::string error = error_of([&] {
      const Sampling sampling = read_sampling(folder.path());
      check_sampling(sampling, folder.path(), sampling);
    });
    for (const std::string& part : {std::string("generation_config.json"), "'" + key + "'", problem})
      EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  expect(R"({"do_sample": true, "temperature": -1})", "temperature", "out of range");
  expect(R"({"temperature": "hot"})", "temperature", "wrong type");
  expect(R"({"top_k": -5})", "top_k", "out of range");
  expect(R"({"top_k": 2.5})", "top_k", "wrong type");
  expect(R"({"top_p": 0})", "top_p", "out of range");
  expect(R"({"do_sample": true, "top_p": 1.5})", "top_p", "above 0 and at most 1, got 1.5");
  expect(R"({"min_p": 2})", "min_p", "out of range");
  expect(R"({"repetition_penalty": 0})", "repetition_penalty", "above 0, got 0");
  expect(R"({"do_sample": "yes"})", "do_sample", "wrong type");
}

TEST(GenerationConfig, OffAsOtherEnginesWriteItIsOff) {
  for (const char* text : {R"({"do_sample": true, "top_k": -1, "top_p": 1, "min_p": 0, "repetition_penalty": 1})",
                           R"({"do_sample": true, "top_k": 0, "top_p": 1.0, "min_p": null, "temperature": null})",
                           R"({"do_sample": true, "top_k": null, "top_p": null, "repetition_penalty": null,
                               "presence_penalty": 0, "frequency_penalty": null})"}) {
    const Sampling off = sampling_of(text), expected{.temperature = 1};
    check(off);
    Sampling::fields(
        [&](const char* name, auto member, const char*) { EXPECT_EQ(off.*member, expected.*member) << name; });
  }
}

TEST(GenerationConfig, PenaltiesAreRead) {
  const Sampling sampling =
      sampling_of(R"({"repetition_penalty": 1.25, "presence_penalty": 0.5, "frequency_penalty": -0.25})");
  EXPECT_EQ(sampling.repetition_penalty, 1.25f);
  EXPECT_EQ(sampling.presence_penalty, 0.5f);
  EXPECT_EQ(sampling.frequency_penalty, -0.25f);
  EXPECT_EQ(sampling.temperature, 0);
}

// Whoever sets a value of their own need not mend the file first.
TEST(GenerationConfig, OnlyAValueThatIsUsedIsRefused) {
  const TestFolder folder;
  folder.write("generation_config.json", R"({"do_sample": true, "top_k": -5})");
  Sampling sampling = read_sampling(folder.path());
  const Sampling of_folder = sampling;
  sampling.top_k = 7;
  check_sampling(sampling, folder.path(), of_folder);
  sampling.top_p = 2;
  EXPECT_EQ(error_of([&] { check_sampling(sampling, folder.path(), of_folder); }),
            "top-p: is out of range; expected above 0 and at most 1, got 2.");
}

TEST(GenerationConfig, WhatIsNotImplementedIsNamedOnceAndSorted) {
  const TestFolder folder;
  EXPECT_TRUE(unused_generation_keys(folder.path()).empty());
  folder.write("generation_config.json",
               R"({"num_beams": 4, "typical_p": 1.0, "length_penalty": 0.8, "no_repeat_ngram_size": 0, "early_stopping":
                   false, "bad_words_ids": [], "suppress_tokens": [5], "max_new_tokens": 20, "stop_strings": null,
                   "forced_eos_token_id": 0, "transformers_version": "5.0"})");
  EXPECT_EQ(unused_generation_keys(folder.path()),
            (std::vector<std::string>{"forced_eos_token_id", "length_penalty", "num_beams", "suppress_tokens"}));
}

TEST(GenerationConfig, StopIdsFallBackToTheModelsConfig) {
  const TestFolder folder;
  EXPECT_EQ(read_stop_ids(folder.path(), {7}), (std::vector<TokenId>{7}));
  folder.write("generation_config.json", R"({"eos_token_id": [2, 11]})");
  EXPECT_EQ(read_stop_ids(folder.path(), {7}), (std::vector<TokenId>{2, 11}));
}

}  // namespace
}  // namespace starnest
