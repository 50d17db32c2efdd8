#!/usr/bin/env bash
# Usage: build_llama_cpp.sh [native|avx2]
#
# Builds llama-bench, for all that this machine offers or for AVX2 only, and prints the path of its source and of the
# program. The source is the complete llama.cpp inside the source package of llama-cpp-python, fetched once with pip.
# Everything stays in .cache/ (STARNEST_CACHE to move it); a finished build is taken as it is. About 5 minutes on 2
# cores.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
isa=${1:-native}
version=0.3.36
cache=${STARNEST_CACHE:-$root/.cache}/llama_cpp-$version
source=$cache/llama_cpp_python-$version/vendor/llama.cpp
build=$cache/build-$isa
case $isa in
  native) flags=(-DGGML_NATIVE=ON) ;;
  avx2) flags=(-DGGML_NATIVE=OFF -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON) ;;
  *) echo "$0: '$isa' is neither native nor avx2" >&2 && exit 2 ;;
esac

if [[ ! -d $source ]]; then
  mkdir -p "$cache"
  archive=$cache/llama_cpp_python-$version.tar.gz
  [[ -f $archive ]] ||
    pip download --dest "$cache" --no-deps --no-binary llama-cpp-python "llama-cpp-python==$version" >&2
  tar -xzf "$archive" -C "$cache"
fi
if [[ ! -x $build/bin/llama-bench ]]; then
  cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF "${flags[@]}" \
    -DGGML_CCACHE=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
    -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_NUMBER=0 -DLLAMA_BUILD_COMMIT="llama-cpp-python-$version" >&2
  cmake --build "$build" --target llama-bench -j "${JOBS:-$(nproc)}" >&2
fi
echo "$source" "$build/bin/llama-bench"
