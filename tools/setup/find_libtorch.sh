#!/usr/bin/env bash
# Prints the folder for CMAKE_PREFIX_PATH in which CMake finds LibTorch: one of the user's CMAKE_PREFIX_PATH if it has
# it, else that of the package torch in .venv. Prints nothing and fails when there is none, with the reason on stderr.
set -euo pipefail

IFS=':;' read -ra prefixes <<<"${CMAKE_PREFIX_PATH:-}"
for prefix in "${prefixes[@]}"; do
  for config in "$prefix"/{,lib/cmake/,share/cmake/}Torch/TorchConfig.cmake; do
    if [[ -f $config ]]; then
      echo "$prefix"
      exit 0
    fi
  done
done

[[ -x .venv/bin/python ]] || { echo "no LibTorch in CMAKE_PREFIX_PATH and no .venv" >&2; exit 1; }
.venv/bin/python - <<'END'
import shutil
import sys

try:
    import torch
except ImportError:
    sys.exit("no LibTorch in CMAKE_PREFIX_PATH and no package torch in .venv")
if torch.version.cuda and not shutil.which("nvcc"):
    sys.exit("the package torch in .venv is one for CUDA, which needs nvcc to build against; install a CPU build")
print(torch.utils.cmake_prefix_path)
END
