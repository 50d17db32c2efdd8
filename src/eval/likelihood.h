// How likely a size finds text: perplexity, and minimal pairs.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dims.h"
#include "base/progress.h"
#include "format/text/documents.h"
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

// The ids of a text after `start` (-1: none), which a tokenizer that puts it there itself gives once.
std::vector<TokenId> encode_after(const Family& family, std::string_view text, TokenId start);

// The documents of a file (format/text/documents.h) in windows, each read on its own after `start` (a token, or -1 for
// none: then the first token of a window is not predicted). Read once, so that a pipe may stand for a file.
struct TextWindows {
  std::vector<std::vector<TokenId>> ids;  // with the start token
  DocumentCounts documents;
  uint64_t tokens = 0, bytes = 0;  // those that are predicted
};
TextWindows read_windows(const Family& family, const std::filesystem::path& file, TokenId start, size_t window);

struct TextLikelihood {
  uint64_t tokens = 0, bytes = 0;  // those that were predicted
  double log_likelihood = 0;       // nats

  double perplexity() const;     // exp(-nats / tokens)
  double bits_per_byte() const;  // comparable between tokenizers
};
TextLikelihood text_likelihood(const Family& family, const std::string& size, const TextWindows& text, int parallel,
                               const Progress& progress = {});

// A size of a family, which must outlive it.
struct SizeOf {
  const Family& family;
  std::string size;
};

// Mean over the same tokens of KL(p of `reference` || p of `size`), nats: how far a size is from another one, of the
// same family or of another one with the same vocabulary (the unquantised one, say). Throws Error for another
// vocabulary.
struct TextDivergence {
  double mean = 0;
  double same_choice = 0;  // share of the tokens for which both find the same one likeliest
};
TextDivergence text_divergence(const SizeOf& size, const SizeOf& reference, const TextWindows& text, int parallel,
                               const Progress& progress = {});

// A table with a header and the columns "good" and "bad", separated by tabs; "paradigm" groups the lines if it is there
// (BLiMP: Warstadt et al. 2020). Throws Error naming the line that is not so.
struct MinimalPair {
  std::string paradigm, good, bad;
};
std::vector<MinimalPair> read_minimal_pairs(const std::filesystem::path& file);

// For each pair whether the good sentence, after `start`, has the higher log-likelihood (a tie counts as no).
std::vector<bool> prefers_good(const Family& family, const std::string& size, std::span<const MinimalPair> pairs,
                               TokenId start, int parallel, const Progress& progress = {});

}  // namespace starnest
