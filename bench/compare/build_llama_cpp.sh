#!/usr/bin/env bash
# Builds llama-bench for this machine's instruction set and prints its path. The source is the complete llama.cpp inside
# the source package of llama-cpp-python, fetched once with pip. Everything stays in .cache/ (STARNEST_CACHE to move it).
# Takes 10 to 30 minutes on two cores; a finished build is taken as it is.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
version=0.3.36
cache=${STARNEST_CACHE:-$root/.cache}/llama_cpp-$version
source=$cache/llama_cpp_python-$version/vendor/llama.cpp
program=$cache/build/bin/llama-bench

if [[ ! -x $program ]]; then
  mkdir -p "$cache"
  if [[ ! -d $source ]]; then
    archive=$cache/llama_cpp_python-$version.tar.gz
    [[ -f $archive ]] ||
      pip download --dest "$cache" --no-deps --no-binary llama-cpp-python "llama-cpp-python==$version" >&2
    tar -xzf "$archive" -C "$cache"
  fi
  cmake -S "$source" -B "$cache/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON \
    -DGGML_CCACHE=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
    -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_NUMBER=0 -DLLAMA_BUILD_COMMIT="llama-cpp-python-$version" >&2
  nice -n 12 cmake --build "$cache/build" --target llama-bench -j "${JOBS:-$(nproc)}" >&2
fi
echo "$program"
