// The kernels alone, at the widths of Nemotron 3 Nano 30B and in every encoding: matrix-vector products beside a plain
// read, products of 512 tokens beside OpenBLAS's SGEMM (when libopenblas.so.0 is installed), grouped experts beside
// dense products, the state space recurrence, and the ops with a state on many sequences at once beside one call for
// each. STARNEST_ISA chooses the instruction set. Usage: bench_kernels [ROUNDS]
#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/pages.h"
#include "base/rng.h"
#include "kernels/attention.h"
#include "kernels/conv.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/panels.h"
#include "kernels/devices.h"
#include "kernels/elementwise.h"
#include "kernels/expert_matmul.h"
#include "kernels/matmul.h"
#include "kernels/read_memory.h"
#include "kernels/ssm_scan.h"
#include "starnest/error.h"

namespace starnest {
namespace {

constexpr size_t kHidden = 2688, kInner = 4096, kExperts = 128, kExpertInner = 1856, kChosen = 6;
constexpr size_t kHeads = 64, kHeadDim = 64, kGroups = 8, kState = 128, kMambaLayers = 23;
constexpr double kPrefillFlops = 6.1e9;  // of one token's matrix products, all 52 blocks
constexpr size_t kTokens = 512;
constexpr size_t kPoolMatrices = 48;  // 1 GiB: far beyond any cache

template <class Action>
double seconds_of(const Action& action) {
  const auto start = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Matrices of one shape in one stretch of memory, each a single shell of small normal numbers.
class Matrices {
 public:
  Matrices(ThreadPool& pool, Encoding encoding, size_t count, size_t rows, size_t cols)
      : encoding_(encoding), shells_(count, PackedShell{rows, cols}) {
    const size_t each = shell_bytes(cpu::kPanels, encoding, std::span(shells_).first(1), 0);
    memory_ = Pages(each * count);
    pool.parallel_for(memory_.size() / 8, kReadGrain, [&](size_t begin, size_t end) {
      auto* words = reinterpret_cast<uint64_t*>(memory_.data());
      for (size_t i = begin; i < end; ++i) words[i] = 0x3c013c473c2a3c11;
    });
    for (size_t i = 0; i < count; ++i) shells_[i].data = memory_.data() + i * each;
  }
  size_t count() const { return shells_.size(); }
  PackedMatrix operator[](size_t i) const { return {encoding_, std::span(shells_).subspan(i, 1)}; }
  std::vector<PackedMatrix> all() const {
    std::vector<PackedMatrix> out;
    for (size_t i = 0; i < count(); ++i) out.push_back((*this)[i]);
    return out;
  }
  std::span<const uint64_t> words() const {
    return {reinterpret_cast<const uint64_t*>(memory_.data()), memory_.size() / 8};
  }
  double flops(size_t tokens) const { return 2.0 * double(shells_[0].rows * shells_[0].cols * count() * tokens); }

 private:
  Encoding encoding_;
  Pages memory_;
  std::vector<PackedShell> shells_;
};

class Activations {
 public:
  Activations(size_t rows, size_t cols, uint64_t seed, float low = -1, float high = 1)
      : rows_(rows), cols_(cols), numbers_(rows * cols) {
    Rng rng(seed);
    for (float& number : numbers_) number = low + (high - low) * float(rng.uniform());
  }
  MatView<float> view() { return {numbers_.data(), rows_, cols_, cols_}; }
  VecView<const float> row() const { return {numbers_.data(), cols_}; }

 private:
  size_t rows_, cols_;
  std::vector<float> numbers_;
};

using Sgemm = void (*)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a, int lda,
                       const float* b, int ldb, float beta, float* c, int ldc);

// OpenBLAS's cblas_sgemm with as many threads and no wider vectors than ours; null when it is not installed.
Sgemm open_blas(int threads) {
  if (chosen_isa() < Isa::avx512) setenv("OPENBLAS_CORETYPE", "Haswell", 0);
  void* library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  if (void* set = dlsym(library, "openblas_set_num_threads"); set != nullptr)
    reinterpret_cast<void (*)(int)>(set)(threads);
  return reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
}

// Sequences with a state each: the convolution and recurrence of a Mamba-2 block, and keys and values of kPast tokens.
class SequenceStates {
 public:
  SequenceStates(Device& device, size_t count, size_t tokens)
      : tokens_(tokens), span_(count * tokens), blocks_((kPast + tokens + kKvBlock - 1) / kKvBlock) {
    const size_t floats = kTaps * (kChannels + 2 * kBc) + kChannels * kState;
    for (size_t i = 0; i < count; ++i) {
      states_.push_back(DeviceMemory::zeroed(device, floats * sizeof(float)));
      for (size_t b = 0; b < blocks_; ++b) {
        memory_.push_back(DeviceMemory::zeroed(device, layout_.bytes()));
        kv_.push_back(memory_.back().data());
      }
    }
    for (size_t m = 0; m < kHeads; ++m) pieces_[0].push_back({m, m * kHeadDim, kHeadDim});
  }

  // Sequences first .. first + count.
  void mix(const Exec& exec, size_t first, size_t count) {
    const std::vector<SequenceRun> runs = runs_of(first, count);
    const RowSpan span{count * tokens_, 1};
    const Batch batch{{&span, 1}, runs};
    const auto rows = [&](Activations& m) { return m.view().row_range(first * tokens_, span.rows); };
    softplus_add(exec, batch, kHeadCount, dt_bias_.row(), rows(dt_));
    causal_conv_silu(exec, batch, kWidthX, rows(x_), taps_.view().row_range(0, kChannels), {}, kConvX, rows(u_));
    causal_conv_silu(exec, batch, kWidthBc, rows(bc_), taps_.view().row_range(0, 2 * kBc), {}, kConvBc, rows(v_));
    const SsmInputs in{rows(u_),
                       rows(dt_),
                       rows(v_).col_range(0, kBc),
                       rows(v_).col_range(kBc, kBc),
                       decay_.row(),
                       skip_.row(),
                       kGroups,
                       kState,
                       kWidthX,
                       kHeadCount,
                       kSsm,
                       pieces_};
    ssm_scan(exec, batch, in, rows(y_));
  }
  void attend(const Exec& exec, size_t first, size_t count) {
    const std::vector<SequenceRun> runs = runs_of(first, count);
    const RowSpan span{count * tokens_, 1};
    const Batch batch{{&span, 1}, runs};
    const auto rows = [&](Activations& m) { return m.view().row_range(first * tokens_, span.rows); };
    kv_write(exec, batch, layout_, rows(k_), rows(k_));
    attention(exec, batch, layout_, kQueryHeads, rows(q_), 0.1f, rows(y_));
  }

 private:
  static constexpr size_t kChannels = kHeads * kHeadDim, kBc = kGroups * kState, kTaps = 3, kPast = 1024;
  static constexpr size_t kQueries = 32, kKeyHeads = 2, kWidth = 128;
  static constexpr size_t kWidthX[] = {kChannels}, kWidthBc[] = {2 * kBc}, kHeadCount[] = {kHeads};
  static constexpr size_t kQueryHeads[] = {kQueries}, kConvX[] = {0}, kConvBc[] = {kTaps * kChannels};
  static constexpr size_t kSsm[] = {kTaps * (kChannels + 2 * kBc)}, kStart[] = {0};

  std::vector<SequenceRun> runs_of(size_t first, size_t count) {
    std::vector<SequenceRun> runs;
    for (size_t i = 0; i < count; ++i)
      runs.push_back({.first_row = i * tokens_,
                      .rows = tokens_,
                      .position = kPast,
                      .shells = 1,
                      .state = reinterpret_cast<float*>(states_[first + i].data()),
                      .kv = std::span(kv_).subspan((first + i) * blocks_, blocks_)});
    return runs;
  }

  size_t tokens_, span_, blocks_;
  KvLayout layout_{kKeyHeads, kWidth, DType::bf16, kStart};
  std::vector<DeviceMemory> states_, memory_;
  std::vector<std::byte*> kv_;
  std::array<std::vector<HeadPiece>, 1> pieces_;
  Activations x_{span_, kChannels, 1}, bc_{span_, 2 * kBc, 2}, dt_{span_, kHeads, 3, 0.01f, 0.1f},
      y_{span_, kChannels, 4}, u_{span_, kChannels, 11}, v_{span_, 2 * kBc, 12};
  Activations q_{span_, kQueries* kWidth, 5}, k_{span_, kKeyHeads* kWidth, 6}, taps_{kChannels, kTaps + 1, 7};
  const Activations dt_bias_{1, kHeads, 8}, decay_{1, kHeads, 9, -2, -0.1f}, skip_{1, kHeads, 10};
};

class KernelBench {
 public:
  explicit KernelBench(int rounds) : rounds_(rounds), blas_(open_blas(pool_.threads())) {}

  void run() {
    std::printf("%s kernels, %d threads, medians of %d rounds\n", std::string(device_->kernel_path()).c_str(),
                pool_.threads(), rounds_);
    for (const Encoding encoding : {Encoding::bf16, Encoding::fp8, Encoding::nvfp4}) {
      products(encoding);
      experts(encoding);
      if (encoding == Encoding::bf16) recurrence();
    }
    std::printf(
        "sequences x tokens      at once  one by one  (us: convolution and scan; keys, values and attention)\n");
    sequences(64, 1);
    sequences(8, 64);
  }

 private:
  // Pool of weights, one token through each: the rate of the read that decoding is.
  double vector_product(const Matrices& weights) {
    return seconds_of([&] {
      const RowSpan one{1, 1};
      for (size_t i = 0; i < weights.count(); ++i)
        matmul(exec_, {{&one, 1}}, x_.view(), std::array{Product{weights[i], y_.view()}});
    });
  }

  double plain_read(const Matrices& weights) {
    std::vector<uint64_t> sums(size_t(pool_.threads()));
    return seconds_of([&] { read_memory(exec_, weights.words(), sums); });
  }

  double blas_product() {
    const int T = int(kTokens), N = int(kInner), K = int(kHidden);
    constexpr int kRowMajor = 101, kNoTrans = 111, kTrans = 112;
    return seconds_of([&] {
      blas_(kRowMajor, kNoTrans, kTrans, T, N, K, 1, x_.view().data, K, wide_.view().data, K, 0, y_.view().data, N);
    });
  }

  void products(Encoding encoding) {
    const Matrices weights(pool_, encoding, kPoolMatrices, kInner, kHidden), one(pool_, encoding, 1, kInner, kHidden);
    const std::string name(name_of(encoding));
    const RowSpan all{kTokens, 1};
    std::vector<double> reads, of_read, rates, blas_rates, ratios;
    for (int round = -1; round < rounds_; ++round) {
      const double read = plain_read(weights), vector = vector_product(weights);
      const double dense =
          seconds_of([&] { matmul(exec_, {{&all, 1}}, x_.view(), std::array{Product{one[0], y_.view()}}); });
      const double blas = blas_ != nullptr ? blas_product() : 0;
      if (round < 0) continue;
      reads.push_back(double(weights.words().size_bytes()) / read * 1e-9);
      of_read.push_back(read / vector);
      rates.push_back(one.flops(kTokens) / dense * 1e-9);
      if (blas_ == nullptr) continue;
      blas_rates.push_back(one.flops(kTokens) / blas * 1e-9);
      ratios.push_back(blas / dense);
    }
    dense_rate_ = median(rates);
    std::printf("1 token, %s %zux%zu: %.0f %% of the plain read (%.1f GB/s)\n", name.c_str(), kInner, kHidden,
                100 * median(of_read), median(reads));
    std::printf("%zu tokens, %s: %.0f GFLOP/s", kTokens, name.c_str(), dense_rate_);
    if (blas_ != nullptr)
      std::printf("; OpenBLAS SGEMM %.0f; ratio %.2f\n", median(blas_rates), median(ratios));
    else
      std::printf(" (libopenblas.so.0 is not installed: no comparison)\n");
  }

  // kChosen different experts for every token, evenly.
  std::vector<int32_t> choices() const {
    Rng rng(7);
    std::vector<int32_t> order(kExperts), ids;
    std::iota(order.begin(), order.end(), 0);
    for (size_t t = 0; t < kTokens; ++t)
      for (size_t j = 0; j < kChosen; ++j) {
        std::swap(order[j], order[j + rng.below(kExperts - j)]);
        ids.push_back(order[j]);
      }
    return ids;
  }

  void experts(Encoding encoding) {
    const Matrices up(pool_, encoding, kExperts, kExpertInner, kHidden);
    const Matrices down(pool_, encoding, kExperts, kHidden, kExpertInner);
    const std::vector<PackedMatrix> ups = up.all(), downs = down.all();
    std::vector<int32_t> ids = choices();
    const ExpertGroups groups = group_by_expert(exec_, {ids.data(), kTokens, kChosen, kChosen}, kExperts);
    Activations inner(kTokens * kChosen, kExpertInner, 3), out(kTokens * kChosen, kHidden, 4);
    const RowSpan all{kTokens, 1}, slots{kTokens * kChosen, 1};
    constexpr size_t kInnerWidths[] = {kExpertInner};
    std::vector<double> rates, ratios;
    for (int round = -1; round < rounds_; ++round) {
      const double dense = seconds_of([&] {  // as many products with matrices of the same shapes, all tokens with each
        for (size_t j = 0; j < kChosen; ++j) {
          matmul(exec_, {{&all, 1}}, x_.view(), std::array{Product{ups[j], inner.view()}});
          activate(exec_, {{&all, 1}}, kInnerWidths, Activation::relu2, inner.view());
          matmul(exec_, {{&all, 1}}, inner.view(), std::array{Product{downs[j], out.view()}});
        }
      });
      const double grouped = seconds_of([&] {
        expert_matmul(exec_, {{&all, 1}}, x_.view(), ExpertInput::tokens, groups, ups, inner.view());
        activate(exec_, {{&slots, 1}}, kInnerWidths, Activation::relu2, inner.view());
        expert_matmul(exec_, {{&all, 1}}, inner.view(), ExpertInput::slots, groups, downs, out.view());
      });
      if (round < 0) continue;
      rates.push_back(2 * up.flops(kTokens) * kChosen / kExperts / grouped * 1e-9);
      ratios.push_back(dense / grouped);
    }
    std::printf("%zu tokens through %zu of %zu experts: %.0f GFLOP/s, %.0f %% of the dense rate\n", kTokens, kChosen,
                kExperts, median(rates), 100 * median(ratios));
  }

  void recurrence() {
    constexpr size_t C = kHeads * kHeadDim, BC = kGroups * kState;
    Activations dt(kTokens, kHeads, 1, 0.01f, 0.1f), bc(kTokens, 2 * BC, 2), h(kTokens, C, 3), state(C, kState, 4);
    const Activations decay(1, kHeads, 5, -2, -0.1f), skip(1, kHeads, 6);
    std::array<std::vector<HeadPiece>, 1> pieces;
    for (size_t m = 0; m < kHeads; ++m) pieces[0].push_back({m, m * kHeadDim, kHeadDim});
    constexpr size_t kChannels[] = {C}, kHeadCount[] = {kHeads}, kStart[] = {0};
    const RowSpan all{kTokens, 1};
    const SequenceRun run{.rows = kTokens, .shells = 1, .state = state.view().data};
    const SsmInputs in{y_.view().col_range(0, C),
                       dt.view(),
                       bc.view().col_range(0, BC),
                       bc.view().col_range(BC, BC),
                       decay.row(),
                       skip.row(),
                       kGroups,
                       kState,
                       kChannels,
                       kHeadCount,
                       kStart,
                       pieces};
    std::vector<double> times;
    for (int round = -1; round < rounds_; ++round) {
      const double time = seconds_of([&] { ssm_scan(exec_, {{&all, 1}, {&run, 1}}, in, h.view()); });
      if (round >= 0) times.push_back(time / kTokens);
    }
    const double layers = median(times) * kMambaLayers, products = kPrefillFlops / dense_rate_ * 1e-9;
    std::printf("recurrence: %.1f us per token and layer; %.1f %% of a prefill at the dense rate\n",
                median(times) * 1e6, 100 * layers / (layers + products));
  }

  // The ops of a Mamba block and of an attention block that have a state: once for all sequences, and once for each.
  void sequences(size_t count, size_t tokens) {
    SequenceStates states(*device_, count, tokens);
    std::vector<double> mamba, mamba_each, attend, attend_each;
    for (int round = -1; round < rounds_; ++round) {
      const std::array times{seconds_of([&] { states.mix(exec_, 0, count); }), seconds_of([&] {
                               for (size_t i = 0; i < count; ++i) states.mix(exec_, i, 1);
                             }),
                             seconds_of([&] { states.attend(exec_, 0, count); }), seconds_of([&] {
                               for (size_t i = 0; i < count; ++i) states.attend(exec_, i, 1);
                             })};
      if (round < 0) continue;
      for (size_t i = 0; auto* all : {&mamba, &mamba_each, &attend, &attend_each}) all->push_back(times[i++] * 1e6);
    }
    std::printf("%3zu x %2zu  Mamba-2     %8.0f    %8.0f\n", count, tokens, median(mamba), median(mamba_each));
    std::printf("          attention   %8.0f    %8.0f\n", median(attend), median(attend_each));
  }

  int rounds_;
  ThreadPool pool_;
  std::unique_ptr<Device> device_ = make_device(kDefaultDevice);
  Arena arena_{*device_};
  Exec exec_{*device_, pool_, arena_};
  Sgemm blas_;
  Activations x_{kTokens, kHidden, 1}, y_{kTokens, kInner, 2}, wide_{kInner, kHidden, 3};
  double dense_rate_ = 0;
};

}  // namespace
}  // namespace starnest

int main(int argc, char** argv) {
  try {
    starnest::KernelBench(argc > 1 ? std::max(1, std::atoi(argv[1])) : 9).run();
  } catch (const starnest::Error& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
}
