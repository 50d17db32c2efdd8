#!/usr/bin/env bash
# Configures build/asan: the engine, its tests and the fuzz targets under the address and undefined-behaviour sanitizers,
# with clang. LibTorch is not built for the sanitizers, so the training side is left out.
set -euo pipefail

"$(dirname "$0")/install_packages.sh" engine tests fuzz
"$(dirname "$0")/configure.sh" asan -DSTARNEST_TESTS=ON -DSTARNEST_TRAIN=OFF
