#!/usr/bin/env bash
# What the project does, on the model that ships with it: `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
starnest=build/release/bin/starnest
model=models/pocket
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
  local word line='$'
  for word in "$@"; do
    [[ $word == *[!a-zA-Z0-9_./,=-]* ]] && word="'$word'"
    line+=" $word"
  done
  printf '%s\n' "${line//$work/\/tmp\/demo}"
  "$@" 2>&1
}

say "One folder, three sizes, one copy in memory."
show $starnest inspect -m $model

say "A question: start with 5, add 3, times 7, minus 2, all modulo 10. The small size thinks, the large one answers."
show $starnest run -m $model -p 'r:a5b+3c*7d-2?' --think-size small --answer-size large

say "The same under a hard budget: thinking must end after 10 tokens, at the next step's end. The answer still comes."
show $starnest run -m $model -p 'r:a5b+3c*7d-2?' --think-size small --answer-size large --think-budget 10 --think-grace 8

say "The small size, cut out as an ordinary checkpoint, gives the same logits bit for bit."
show $starnest slice -m $model --size small -o "$work/small"
show $starnest logits -m $model --size small --ids 1,25,50,8,39,7,3 -o "$work/in_place.safetensors"
show $starnest logits -m "$work/small" --ids 1,25,50,8,39,7,3 -o "$work/sliced.safetensors"
show cmp "$work/in_place.safetensors" "$work/sliced.safetensors" && echo "equal"

say "Accuracy by generation on 200 problems that training never saw."
for size in large medium small; do
  show $starnest eval -m $model --task r --effort e2 -n 200 --size $size
done
