#!/usr/bin/env bash
# Usage: llama_cpp.sh MODEL_DIR [-p TOKENS] [-n TOKENS] [--rounds N] [--threads N]
#
# starnest against llama.cpp: the full size of a BF16 nemotron_h folder on this machine, the two programs in turn.
# STARNEST_ISA=avx2 holds both to AVX2. Writes MODEL_DIR.gguf (as large as the model) beside the folder, once.
# STARNEST and PYTHON name other binaries than build/release/bin/starnest and .venv/bin/python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
[[ $# -ge 1 && -f $1/config.json ]] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
model=${1%/}
shift
starnest=${STARNEST:-$root/build/release/bin/starnest}
python=${PYTHON:-$root/.venv/bin/python}
[[ -x $starnest ]] || { echo "$0: $starnest is not built; run 'make build'" >&2; exit 1; }
[[ -x $python ]] || (cd "$root" && tools/setup/python_env.sh tools/requirements.txt)

built=$("$here/build_llama_cpp.sh" "$([[ ${STARNEST_ISA:-} == avx2 ]] && echo avx2 || echo native)")
read -r source llama_bench <<<"$built"
gguf=$model.gguf
if [[ ! -f $gguf || $model/config.json -nt $gguf ]]; then
  PYTHONPATH=$source/gguf-py:$source "$python" "$here/to_gguf.py" "$model" "$gguf.tmp" >&2
  mv "$gguf.tmp" "$gguf"
fi
exec "$python" "$here/alternate.py" --starnest "$starnest" --llama-bench "$llama_bench" --model "$model" --gguf "$gguf" "$@"
