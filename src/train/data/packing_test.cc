#include "train/data/packing.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/test_support.h"
#include "train/data/text_batches.h"
#include "train/distill/losses.h"
#include "train/modules/test_models.h"

namespace starnest::train {
namespace {

using test_models::random_weights;
using test_models::small_spec;

std::vector<size_t> some_lengths() {
  std::vector<size_t> lengths;
  Rng rng(4);
  for (int i = 0; i < 500; ++i) lengths.push_back(rng.below(150));
  return lengths;
}

TEST(Packing, EveryTokenIsInOneRowOnceAndNoRowIsTooLong) {
  const std::vector<size_t> lengths = some_lengths();
  std::vector<std::vector<int>> seen;
  for (const size_t length : lengths) seen.emplace_back(length, 0);
  for (const Row& row : pack(lengths, 64, 1)) {
    size_t used = 0;
    for (const Piece& piece : row) {
      used += piece.length;
      for (size_t i = 0; i < piece.length; ++i) seen[piece.document][piece.begin + i] += 1;
    }
    EXPECT_LE(used, 64u);
  }
  for (const auto& document : seen)
    EXPECT_TRUE(std::all_of(document.begin(), document.end(), [](int n) { return n == 1; }));
}

TEST(Packing, RowsAreNearlyFull) {
  const std::vector<size_t> lengths = some_lengths();
  size_t tokens = 0;
  for (const size_t length : lengths) tokens += length;
  EXPECT_LT(double(pack(lengths, 64, 1).size() * 64), 1.03 * double(tokens));
}

TEST(Packing, TheSeedDecidesAndNothingElse) {
  const std::vector<size_t> lengths = some_lengths();
  EXPECT_EQ(pack(lengths, 64, 1), pack(lengths, 64, 1));
  EXPECT_NE(pack(lengths, 64, 1), pack(lengths, 64, 2));
  EXPECT_NE(shuffled_order(20, 1, 0), shuffled_order(20, 1, 1));
}

// Random documents over the vocabulary of small_spec, as token shards.
Corpus random_corpus(const TestFolder& folder, const std::vector<size_t>& lengths) {
  static const Tokenizer tokenizer = [] {
    std::string vocab;
    for (int i = 0; i < 30; ++i)
      vocab += (i ? ", \"" : "\"") + std::string(1, char('A' + i)) + "\": " + std::to_string(i);
    vocab.replace(vocab.find('\\'), 1, "\\\\");
    return Tokenizer::parse(R"({"model": {"type": "BPE", "vocab": {)" + vocab + R"(}, "merges": []},
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
      "decoder": {"type": "ByteLevel"}})",
                            "letters");
  }();
  TokenShardWriter writer(folder / "corpus", 30);
  Rng rng(9);
  for (const size_t length : lengths) {
    std::vector<TokenId> ids(length);
    for (TokenId& id : ids) id = TokenId(rng.below(30));
    writer.add(ids);
  }
  writer.commit();
  return Corpus::open({(folder / "corpus").string()}, tokenizer, {}, [](const std::string&) {});
}

struct Pass {
  Tensor logits;
  std::vector<Tensor> gradients;
};

Pass run(const Weights& source, const BatchTensors& batch, const SizeContext& size) {
  Weights weights = source.clone();
  weights.require_gradients();
  Pass pass{completion_logits(weights, batch, size), {}};
  torch::nll_loss(torch::log_softmax(pass.logits, -1), batch.targets, {}, at::Reduction::Sum).backward();
  for (const Tensor& parameter : weights.trained())
    pass.gradients.push_back(parameter.grad().defined() ? parameter.grad() : torch::zeros_like(parameter));
  return pass;
}

double error(const Tensor& a, const Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1e-30)).item<double>();
}

// Rows of several chunks of the scan, pieces shorter than the convolution, cuts in and at chunk boundaries.
TEST(Packing, APackedSampleEqualsItAlone) {
  const TestFolder folder;
  const std::vector<size_t> lengths{1, 2, 3, 5, 64, 70, 40, 128, 17, 90, 6, 33};
  const ModelSpec spec = small_spec();
  const Weights weights = random_weights(spec, torch::kDouble);
  Widths cut = full_widths(spec);
  cut.set_hidden(32);
  for (const SizeContext& size : {SizeContext::full(), SizeContext::narrow(cut)}) {
    TextBatches packed(random_corpus(folder, lengths), 160, 1, 3);
    std::vector<Tensor> sum;
    for (size_t r = 0; r < packed.rows_of_round(); ++r) {
      const BatchTensors batch = packed.at(r);
      const Pass together = run(weights, batch, size);
      std::vector<Tensor> alone_logits, alone_gradients;
      const Tensor segments = batch.segments.squeeze(0);
      for (int64_t s = 0; s <= segments.max().item<int64_t>(); ++s) {
        const Tensor at = segments.eq(s).nonzero().squeeze(1);
        BatchTensors alone;
        alone.ids = batch.ids.index_select(1, at);
        alone.completion = batch.mask.index_select(1, at).flatten().nonzero().squeeze(1);
        if (alone.completion.numel() == 0) continue;
        alone.targets = alone.ids.flatten().index_select(0, alone.completion + 1);
        const Pass pass = run(weights, alone, size);
        alone_logits.push_back(pass.logits);
        for (size_t i = 0; i < pass.gradients.size(); ++i)
          alone_gradients.size() > i ? void(alone_gradients[i] += pass.gradients[i])
                                     : alone_gradients.push_back(pass.gradients[i].clone());
      }
      EXPECT_LT(error(together.logits, torch::cat(alone_logits)), 1e-12);
      for (size_t i = 0; i < alone_gradients.size(); ++i)
        EXPECT_LT(error(together.gradients[i], alone_gradients[i]), 1e-10) << i;
    }
  }
}

// A prompt of 13 tokens fills three rows of 4 before its completion; a document of one token predicts nothing.
TEST(Packing, RowsWithoutATokenToLearnAreLeftOut) {
  const TestFolder folder;
  const auto corpus = [&](const std::string& text) {
    const Tokenizer letters = Tokenizer::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
      "decoder": {"type": "ByteLevel"}})",
                                               "two letters");
    return Corpus::open({folder.write("text.jsonl", text).string()}, letters, {}, [](const std::string&) {});
  };
  const std::string prompt = R"({"prompt": "aaaaaaaaaaaaa", "completion": "bb"})";
  TextBatches batches(corpus(prompt), 4, 1, 3);
  EXPECT_EQ(batches.rows_left_out(), 3u);
  EXPECT_EQ(batches.rows_of_round(), 1u);
  EXPECT_EQ(batches.at(0).positions, 2);
  EXPECT_EQ(batches.at(1).positions, 2);
  const std::string message = error_of([&] { TextBatches(corpus(R"({"text": "a"})"), 4, 1, 3); });
  EXPECT_NE(message.find("has no token to learn"), std::string::npos) << message;
}

TEST(Packing, IdsOutsideTheVocabularyAreNamed) {
  const TestFolder folder;
  random_corpus(folder, {4});
  folder.write("corpus.bin", std::string("\x01\x00\x02\x00\x1e\x00\x03\x00", 8));
  const Tokenizer tokenizer = Tokenizer::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
    "decoder": {"type": "ByteLevel"}})",
                                               "one letter");
  const std::string message =
      error_of([&] { Corpus::open({(folder / "corpus").string()}, tokenizer, {}, [](const std::string&) {}); });
  const std::string half =
      error_of([&] { Corpus::open({(folder / "corpus.bin").string()}, tokenizer, {}, [](const std::string&) {}); });
  EXPECT_NE(half.find("is half of a token shard"), std::string::npos) << half;
  EXPECT_NE(message.find("sequence 0: has an id outside the vocabulary; expected ids below 1, got 30"),
            std::string::npos)
      << message;
}

}  // namespace
}  // namespace starnest::train
