#!/usr/bin/env bash
# Usage: run.sh [FOLDER]
#
# Every end-to-end number of docs/performance.md on this machine, which should do nothing else: about 20 minutes once
# llama.cpp is built. FOLDER (default .cache/bench) takes the random family and its GGUF, 13 GiB; 16 GiB of memory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
folder=${1:-$root/.cache/bench}
model=$folder/random_6
binaries=$root/build/release/bin

cd "$root"
[[ -f build/release/build.ninja ]] || tools/setup/configure.sh release -DSTARNEST_TESTS=OFF
cmake --build build/release --target starnest make_random_family >&2
mkdir -p "$folder"
[[ -f $model/model.safetensors ]] ||
  "$binaries/make_random_family" --like tests/data/configs/nano_30b --pattern 'MEM*EM' -o "$model"

echo "commit $(git rev-parse --short HEAD), $(date -u +%F), $(uname -m), $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"
grep -m1 'model name' /proc/cpuinfo || true
for isa in '' avx2; do
  echo "== starnest bench, ${isa:-all instruction sets}"
  env ${isa:+STARNEST_ISA=$isa} "$binaries/starnest" bench -m "$model" -r 7
  echo "== against llama.cpp, ${isa:-all instruction sets}"
  env ${isa:+STARNEST_ISA=$isa} "$here/compare/llama_cpp.sh" "$model"
done
