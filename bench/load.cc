// How fast a family becomes resident, beside copying as many bytes of the same files into fresh memory.
// Usage: bench_load MODEL_DIR [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/pages.h"
#include "base/text.h"
#include "engine/weights.h"
#include "kernels/devices.h"
#include "starnest/error.h"

namespace starnest {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Takes memory from the system and gives it back, so that what is measured next finds it at hand: a virtual machine
// may have to fetch long unused pages from its host, ten times as slowly.
void warm_free_memory(uint64_t bytes) {
  const Pages memory(bytes);
  for (uint64_t at = 0; at < bytes; at += 4096) memory.data()[at] = std::byte{1};
}

// Copies the first `bytes` bytes of the files into fresh memory, with all threads, through read().
double copy_seconds(const Checkpoint& checkpoint, uint64_t bytes, ThreadPool& pool) {
  constexpr size_t kPiece = size_t{2} << 20;
  const auto start = std::chrono::steady_clock::now();
  const Pages memory(bytes);
  std::byte* to = memory.data();
  for (const SafetensorsFile& file : checkpoint.files())
    for (const TensorInfo& tensor : file.tensors()) {
      const uint64_t left = bytes - uint64_t(to - memory.data());
      const uint64_t size = std::min(tensor.end - tensor.begin, left);
      pool.parallel_for((size + kPiece - 1) / kPiece, 1, [&](size_t begin, size_t end) {
        const uint64_t from = begin * kPiece, upto = std::min(size, uint64_t(end) * kPiece);
        file.read_at(tensor, from, {to + from, upto - from});
      });
      to += size;
    }
  return seconds_since(start);
}

double load_seconds(const FamilySpec& family, ThreadPool& pool, uint64_t& bytes) {
  const std::unique_ptr<Device> device = make_device(kDefaultDevice);
  Weights weights(family.spec, family.sizes, Checkpoint(family.folder), *device);
  const auto start = std::chrono::steady_clock::now();
  weights.load(family.sizes.largest(), pool);
  bytes = weights.bytes();
  return seconds_since(start);
}

void run(const char* folder, int rounds) {
  const FamilySpec family = read_family(folder);
  const Checkpoint checkpoint(folder);
  ThreadPool pool;
  uint64_t bytes = 0;
  load_seconds(family, pool, bytes);  // brings the files into the page cache
  bytes = std::min<uint64_t>(bytes, checkpoint.total_bytes());
  std::vector<double> load, copy;
  for (int round = 0; round < rounds; ++round) {
    uint64_t ignored = 0;
    warm_free_memory(bytes);
    copy.push_back(copy_seconds(checkpoint, bytes, pool));
    warm_free_memory(bytes);
    load.push_back(load_seconds(family, pool, ignored));
  }
  std::printf("%s, %d threads, median of %d: load %.2f GB/s, copy %.2f GB/s, ratio %.2f\n", bytes_text(bytes).c_str(),
              pool.threads(), rounds, double(bytes) / median(load) * 1e-9, double(bytes) / median(copy) * 1e-9,
              median(copy) / median(load));
}

}  // namespace
}  // namespace starnest

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: bench_load MODEL_DIR [ROUNDS]\n", stderr), 2;
  try {
    starnest::run(argv[1], argc > 2 ? std::max(1, std::atoi(argv[2])) : 5);
  } catch (const starnest::Error& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
}
