// How likely a size finds text: perplexity, and minimal pairs.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/dims.h"
#include "base/progress.h"
#include "report/intervals.h"
#include "starnest/family.h"

namespace starnest {

// Sums of log p(token | those before it in its sequence), in nats, over all tokens but the first of each sequence. Up
// to `parallel` sequences are read in one step. Throws Error for an unknown size. One thread at a time per family.
std::vector<double> log_likelihoods(const Family& family, const std::string& size,
                                    std::span<const std::vector<TokenId>> sequences, int parallel,
                                    const Progress& progress = {});

// Of sequences whose first `shared` tokens are the same, which are read once: the sums over the tokens after these. At
// least one is shared; a sequence that ends there has the sum 0.
std::vector<double> log_likelihoods_after(const Family& family, const std::string& size,
                                          std::span<const std::vector<TokenId>> sequences, size_t shared);

// Mean over the same tokens of KL(p of `reference` || p of `size`), nats: how far a size is from another one.
struct TextDivergence {
  uint64_t tokens = 0;
  double mean = 0;
  double same_choice = 0;  // share of the tokens for which both find the same one likeliest
};

// The token that is spelled so; -1 where the vocabulary has none.
TokenId token_named(const Family& family, const std::string& text);

struct TextLikelihood {
  uint64_t documents = 0, tokens = 0, bytes = 0;  // tokens: those that were predicted
  double log_likelihood = 0;                      // nats

  double perplexity() const;     // exp(-nats / tokens)
  double bits_per_byte() const;  // comparable between tokenizers
};

// The documents of a file (format/text/documents.h) in windows of `window` tokens, each read on its own after `start`
// (a token, or -1 for none: then the first token of a window is not predicted).
TextLikelihood text_likelihood(const Family& family, const std::string& size, const std::filesystem::path& file,
                               TokenId start, size_t window, int parallel, const Progress& progress = {});

// On the same windows. Both sizes read them in the same steps.
TextDivergence text_divergence(const Family& family, const std::string& size, const std::string& reference,
                               const std::filesystem::path& file, TokenId start, size_t window, int parallel,
                               const Progress& progress = {});

// A table with a header and the columns "good" and "bad", separated by tabs; "paradigm" groups the lines if it is there
// (BLiMP: Warstadt et al. 2020).
struct MinimalPair {
  std::string paradigm, good, bad;
};
std::vector<MinimalPair> read_minimal_pairs(const std::filesystem::path& file);

// For each pair whether the good sentence, after `start`, has the higher log-likelihood (a tie counts as no).
std::vector<bool> prefers_good(const Family& family, const std::string& size, std::span<const MinimalPair> pairs,
                               TokenId start, int parallel, const Progress& progress = {});

}  // namespace starnest
