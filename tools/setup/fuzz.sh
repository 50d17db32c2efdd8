#!/usr/bin/env bash
# Builds the fuzz targets and runs each on its corpus for some seconds, two at a time. A crash ends with its input kept
# under build/asan/found.
# Usage: fuzz.sh [SECONDS=30] [TARGET...]
set -euo pipefail

seconds=${1:-30}
targets=("${@:2}")
((${#targets[@]})) || targets=(safetensors elastic config tokenizer prompt token_index csv quant_config)

"$(dirname "$0")/configure_sanitized.sh"
cmake --build build/asan --target "${targets[@]/#/fuzz_}"

run_target() {
  local name=$1 seconds=$2 folder=build/asan/found/$1
  mkdir -p "$folder/corpus"
  if ! build/asan/bin/fuzz_"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
      -artifact_prefix="$folder/" "$folder/corpus" "fuzz/corpus/$name" >"$folder/log" 2>&1; then
    tail -40 "$folder/log"
    echo "fuzz $name: FAILED, input under $folder" >&2
    return 1
  fi
  echo "fuzz $name: $(grep -oE '^#[0-9]+' "$folder/log" | tail -1 | tr -d '#') inputs in $seconds s"
}
export -f run_target
printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c "run_target {} $seconds"
