// Writes a family of random weights with the dimensions of a given config: for benchmarks, which need real widths and
// no sense.
//
//   make_random_family --like tests/data/configs/nano_30b -o /tmp/random    # 6 blocks MEM*EM, 6.4 GiB
//   make_random_family --like tests/data/configs/nano_30b --pattern like --format nvfp4 -o /tmp/30b    # all, 18 GiB
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
#include "base/quantized.h"
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
  Encoding format = Encoding::bf16;
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

// The numbers of quantised matrices, as codes: normal ones reach this many of the largest code's steps.
constexpr double kLargestDeviations = 4.5;
constexpr float kFp8Step = float(kLargestDeviations / 448);  // of the spread
constexpr uint8_t kBlockScale = 0x70;                        // 128, of every block
constexpr float kNvfp4Step = float(2.5 / 6);                 // likewise; a block's largest lies lower

struct Fp8Code {
  uint8_t bits;
};
struct Nvfp4Pair {
  uint8_t bits;
};

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
    for (size_t i = 0; i < values_.size(); ++i)
      scaled.push_back(rounded<Number>(d, values_[i], values_[i * 7919 % values_.size()]));
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
  // A number; of codes that share a byte, two.
  template <class Number>
  static Number rounded(Distribution d, float value, float other) {
    const auto number = float(d.mean + d.spread * value);
    if constexpr (std::is_same_v<Number, bf16>)
      return to_bf16(number);
    else if constexpr (std::is_same_v<Number, Fp8Code>)
      return {to_e4m3(value / kFp8Step)};
    else if constexpr (std::is_same_v<Number, Nvfp4Pair>)
      return {uint8_t(to_e2m1(value / kNvfp4Step) | to_e2m1(other / kNvfp4Step) << 4)};
    else
      return number;
  }

  std::vector<float> values_;
};

HfConfig config_for(const Options& options) {
  HfConfig config = HfConfig::read(fs::path(options.like) / "config.json");
  if (options.pattern != "like") {
    config.set({"hybrid_override_pattern"}, options.pattern);
    config.set({"num_hidden_layers"}, int(options.pattern.size()));
  }
  if (options.vocab > 0) config.set({"vocab_size"}, options.vocab);
  return config;
}

// What a file holds under one name.
struct Written {
  const TensorSpec* tensor;
  float scale = 0;  // of a matrix, or of all its blocks; 0: codes or numbers
};

Distribution distribution_of(const ModelSpec& spec, const TensorSpec& tensor) {
  return distribution_of(tensor.role, double(tensor.shape(full_widths(spec)).back()));
}

// A tensor and, where it is quantised, its scales.
std::vector<std::pair<TensorHeader, Written>> headers_of(const ModelSpec& spec, const TensorSpec& tensor,
                                                         Encoding encoding) {
  std::vector<uint64_t> shape = tensor.shape(full_widths(spec));
  const auto spread = float(distribution_of(spec, tensor).spread);
  const std::string module = std::string(module_of(tensor.name));
  switch (encoding) {
    case Encoding::f32:
      return {{{tensor.name, DType::f32, shape}, {&tensor}}};
    case Encoding::fp8:
      return {{{tensor.name, DType::f8_e4m3, shape}, {&tensor}},
              {{module + ".weight_scale", DType::f32, {}}, {&tensor, spread * kFp8Step}}};
    case Encoding::nvfp4: {
      const std::vector<uint64_t> codes{shape[0], shape[1] / 2}, blocks{shape[0], shape[1] / kNvfp4Block};
      return {
          {{tensor.name, DType::u8, codes}, {&tensor}},
          {{module + ".weight_scale", DType::f8_e4m3, blocks}, {&tensor, e4m3_to_f32(kBlockScale)}},
          {{module + ".weight_scale_2", DType::f32, {}}, {&tensor, spread * kNvfp4Step / e4m3_to_f32(kBlockScale)}}};
    }
    default:
      return {{{tensor.name, DType::bf16, shape}, {&tensor}}};
  }
}

void write_tensor(SafetensorsWriter& writer, const TensorHeader& header, const Written& what, Distribution distribution,
                  const NormalStock& stock, uint64_t key) {
  uint64_t count = 1;
  for (const uint64_t extent : header.shape) count *= extent;
  const auto append = [&](std::span<const std::byte> bytes) { writer.append(bytes); };
  if (what.scale != 0 && header.dtype == DType::f32)
    append(std::as_bytes(std::span(&what.scale, 1)));
  else if (what.scale != 0)
    append(std::vector<std::byte>(count, std::byte{kBlockScale}));
  else if (header.dtype == DType::f32)
    stock.draw<float>(key, distribution, count, append);
  else if (header.dtype == DType::f8_e4m3)
    stock.draw<Fp8Code>(key, distribution, count, append);
  else if (header.dtype == DType::u8)
    stock.draw<Nvfp4Pair>(key, distribution, count, append);
  else
    stock.draw<bf16>(key, distribution, count, append);
}

// The weights of the full model; returns their bytes.
uint64_t write_weights(const ModelSpec& spec, const Options& options) {
  std::map<std::string, Written> by_name;
  std::vector<TensorHeader> headers;
  const std::vector<TensorSpec> tensors = tensors_of(spec);
  const EncodingOf encoding_of = published_as(options.format, spec);
  for (const TensorSpec& tensor : tensors)
    for (auto& [header, written] : headers_of(spec, tensor, encoding_of(tensor))) {
      by_name[header.name] = written;
      headers.push_back(std::move(header));
    }
  SafetensorsWriter writer(fs::path(options.out) / "model.safetensors", std::move(headers), {{"format", "pt"}});
  const NormalStock stock(options.seed);
  uint64_t number = 0;
  for (const TensorHeader& header : writer.order()) {
    const Written& what = by_name.at(header.name);
    write_tensor(writer, header, what, distribution_of(spec, *what.tensor), stock, key_of(options.seed, ++number));
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
  CLI::App app{"Writes a family of random weights with given dimensions.", "make_random_family"};
  Options options;
  app.add_option("--like", options.like, "folder whose config.json and elastic.json give dimensions and sizes")
      ->required();
  app.add_option("-o,--out", options.out, "folder to write")->required();
  app.add_option("--pattern", options.pattern, "the blocks: M, E, * and -; or: like")->capture_default_str();
  const std::map<std::string, Encoding> formats{
      {"bf16", Encoding::bf16}, {"fp8", Encoding::fp8}, {"nvfp4", Encoding::nvfp4}};
  app.add_option("--format", options.format, "of the linear layers: bf16 (the default), or fp8 or nvfp4 as Nano's")
      ->transform(CLI::CheckedTransformer(formats));
  app.add_option("--vocab", options.vocab, "vocabulary; 0 = as in the config")->capture_default_str();
  app.add_option("--seed", options.seed, "of the weights")->capture_default_str();
  app.callback([&] { run(options); });
  return run_program(app, argc, argv);
}

}  // namespace
}  // namespace starnest

int main(int argc, char** argv) { return starnest::run(argc, argv); }
