#!/usr/bin/env bash
# Configures the release preset with all tests. The training side is built when LibTorch is found; without one, one
# line says that its tests are skipped, or, with STARNEST_REQUIRE_TRAIN=1, the script fails.
set -euo pipefail

here=$(dirname "$0")
reason=$(mktemp)
trap 'rm -f "$reason"' EXIT

# A LibTorch of the user's own makes the large download unnecessary.
if ! torch=$("$here/find_libtorch.sh" 2>"$reason"); then
  "$here/python_env.sh" tools/requirements.txt || true
  torch=$("$here/find_libtorch.sh" 2>"$reason") || torch=
fi
if [[ -n $torch ]]; then
  exec "$here/configure.sh" release -DSTARNEST_TESTS=ON -DSTARNEST_TRAIN=ON "-DCMAKE_PREFIX_PATH=$torch"
fi
echo "Training tests are skipped: $(cat "$reason")."
[[ ${STARNEST_REQUIRE_TRAIN:-0} != 1 ]] || { echo "STARNEST_REQUIRE_TRAIN=1 does not allow that." >&2; exit 1; }
exec "$here/configure.sh" release -DSTARNEST_TESTS=ON -DSTARNEST_TRAIN=OFF
