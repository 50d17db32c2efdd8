// Writes a family of random weights with the dimensions of a given config: for benchmarks, which need real widths and
// no sense.
//
//   make_random_family --like tests/data/configs/nano_30b -o /tmp/random    # 6 blocks MEM*EM, 6.4 GiB
//   make_random_family --like tests/golden/mixed_bf16 --pattern ME -o /tmp/tiny
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <CLI/CLI.hpp>

#include "arch/cost.h"
#include "arch/family_spec.h"
#include "base/rng.h"
#include "base/text.h"
#include "format/weights/safetensors_writer.h"
#include "program/program.h"

namespace starnest {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string like;
  std::string out;
  std::string pattern = "MEM*EM";
  int vocab = 0;
  uint64_t seed = 1;
};

// Normal distribution of one tensor: matrices keep unit variance, so activations stay of order one at any depth, and
// expert scores differ clearly.
struct Distribution {
  double mean = 0;
  double spread = 1;
};

Distribution distribution_of(Role role, double fan_in) {
  const double unit = 1 / std::sqrt(fan_in);
  switch (role) {
    case Role::embedding:
      return {0, 1};
    case Role::block_norm:
    case Role::final_norm:
    case Role::gated_norm:
      return {1, 0.2};
    case Role::skip:
      return {1, 0.3};
    case Role::decay_log:
      return {-0.5, 0.6};
    case Role::dt_bias:
      return {-0.7, 0.5};
    case Role::gate:
      return {0, 1.6 * unit};
    case Role::gate_bias:
      return {0, 0.02};  // little, so that every expert is chosen about as often
    case Role::head:
      return {0, 2 * unit};
    case Role::conv_bias:
      return {0, 0.1};
    default:
      return {0, is_linear_bias(role) ? 0.1 : unit};
  }
}

// Normal numbers by the gigabyte: 65,536 are drawn once, each with its negative so that the mean is 0, and a tensor
// picks from them at random, four picks per draw of the generator.
class NormalStock {
 public:
  explicit NormalStock(uint64_t seed) : values_(size_t{1} << 16) {
    Rng rng(key_of(seed, 0));
    for (size_t i = 0; i < values_.size(); i += 2) {
      values_[i] = float(normal(rng));
      values_[i + 1] = -values_[i];
    }
  }

  // Hands the bytes of `count` numbers of type Number to `take` in pieces.
  template <class Number, class Take>
  void draw(uint64_t key, Distribution d, uint64_t count, const Take& take) const {
    std::vector<Number> scaled, piece(size_t{1} << 20);
    for (const float value : values_) scaled.push_back(rounded<Number>(float(d.mean + d.spread * value)));
    Rng rng(key);
    for (uint64_t left = count; left > 0;) {
      const size_t now = size_t(std::min<uint64_t>(left, piece.size()));
      for (size_t i = 0; i < now; i += 4) {
        const uint64_t picks = rng.next();
        for (size_t k = 0; k < 4; ++k) piece[i + k] = scaled[(picks >> (16 * k)) & 0xffff];
      }
      take(std::as_bytes(std::span(piece).first(now)));
      left -= now;
    }
  }

 private:
  template <class Number>
  static Number rounded(float value) {
    if constexpr (std::is_same_v<Number, bf16>)
      return to_bf16(value);
    else
      return value;
  }

  std::vector<float> values_;
};

HfConfig config_for(const Options& options) {
  HfConfig config = HfConfig::read(fs::path(options.like) / "config.json");
  config.set({"hybrid_override_pattern"}, options.pattern);
  config.set({"num_hidden_layers"}, int(options.pattern.size()));
  if (options.vocab > 0) config.set({"vocab_size"}, options.vocab);
  return config;
}

// The weights of the full model; returns their bytes.
uint64_t write_weights(const ModelSpec& spec, const Options& options) {
  std::map<std::string, const TensorSpec*> by_name;
  std::vector<TensorHeader> headers;
  const Widths full = full_widths(spec);
  const std::vector<TensorSpec> tensors = tensors_of(spec);
  for (const TensorSpec& tensor : tensors) {
    const std::string& name = tensor.name;
    by_name[name] = &tensor;
    const bool wide = published_as(Encoding::bf16, spec)(tensor) == Encoding::f32;
    headers.push_back({name, wide ? DType::f32 : DType::bf16, tensor.shape(full)});
  }
  SafetensorsWriter writer(fs::path(options.out) / "model.safetensors", std::move(headers), {{"format", "pt"}});
  const NormalStock stock(options.seed);
  uint64_t number = 0;
  for (const TensorHeader& header : writer.order()) {
    const TensorSpec& tensor = *by_name.at(header.name);
    const Distribution distribution = distribution_of(tensor.role, double(header.shape.back()));
    const uint64_t key = key_of(options.seed, ++number), count = tensor.elements(full);
    const auto append = [&](std::span<const std::byte> bytes) { writer.append(bytes); };
    if (header.dtype == DType::f32)
      stock.draw<float>(key, distribution, count, append);
    else
      stock.draw<bf16>(key, distribution, count, append);
  }
  writer.commit();
  return writer.data_bytes();
}

// How Nemotron 3 opens and closes its thinking, so that plans run. Their ids need a vocabulary that holds them.
constexpr std::string_view kGeneration =
    R"({"think_start_ids": [12, 1010], "think_end_ids": [[13]], "think_close_ids": [1338, 13]})";
constexpr int kGenerationVocab = 1339;

void run(const Options& options) {
  fs::create_directories(options.out);
  const HfConfig config = config_for(options);
  const fs::path elastic = fs::path(options.like) / "elastic.json";
  write_text(fs::path(options.out) / "config.json", config.text());
  if (fs::exists(elastic))
    fs::copy_file(elastic, fs::path(options.out) / "elastic.json", fs::copy_options::overwrite_existing);
  const FamilySpec family = read_family(options.out);  // an impossible request fails here
  if (family.spec.vocab >= kGenerationVocab)
    write_text(fs::path(options.out) / "generation_config.json", std::string(kGeneration) + "\n");
  const uint64_t bytes = write_weights(family.spec, options);
  std::vector<std::string> sizes;
  for (const Size& size : family.sizes.largest_first()) sizes.push_back(size.name);
  std::printf("%s: %s, %s, sizes %s\n", options.out.c_str(), pattern_of(family.spec.blocks).c_str(),
              bytes_text(bytes).c_str(), join(sizes, " ").c_str());
}

int run(int argc, char** argv) {
  CLI::App app{"Writes a family of random BF16 weights with given dimensions.", "make_random_family"};
  Options options;
  app.add_option("--like", options.like, "folder whose config.json and elastic.json give dimensions and sizes")
      ->required();
  app.add_option("-o,--out", options.out, "folder to write")->required();
  app.add_option("--pattern", options.pattern, "the blocks: M, E, * and -")->capture_default_str();
  app.add_option("--vocab", options.vocab, "vocabulary; 0 = as in the config")->capture_default_str();
  app.add_option("--seed", options.seed, "of the weights")->capture_default_str();
  app.callback([&] { run(options); });
  return run_program(app, argc, argv);
}

}  // namespace
}  // namespace starnest

int main(int argc, char** argv) { return starnest::run(argc, argv); }
