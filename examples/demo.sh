#!/usr/bin/env bash
# What the project does, on the model that ships with it: `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
starnest=build/release/bin/starnest
model=models/reasoner
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

say "A chain of definitions, out of order: t = x - 9, x = p * 7, p = 9, modulo 10. The small size thinks, the large one answers."
show $starnest run -m $model -p 'c:t=x-9,x=p*7,p=9,a=x*3:t?' --think-size small --answer-size large

say "Start with 5, add 3, times 7, minus 2, under a hard budget: thinking ends after 10 tokens, at the next step's end. The answer still comes."
show $starnest run -m $model -p 'r:a5b+3c*7d-2?' --think-size small --answer-size large --think-budget 10 --think-grace 8

say "The large size reads along while the small one thinks, so the switch costs a few tokens. The text is the same to the bit."
show $starnest run -m $model -p 'r:a5b+3c*7d-2?' --think-size small --answer-size large --hand-over shadow:8

say "A chat: sizes change between questions."
printf '$ %s\n' "printf 'h:bp,qm,pq,js,sp:j4?\\n/size small\\na:a13b47c90?\\n' | $starnest chat -m $model"
printf 'h:bp,qm,pq,js,sp:j4?\n/size small\na:a13b47c90?\n' | $starnest chat -m $model 2>&1

say "The small size, cut out as an ordinary checkpoint, gives the same logits bit for bit."
show $starnest slice -m $model --size small -o "$work/small"
show $starnest logits -m $model --size small --ids 1,25,50,8,39,7,3 -o "$work/in_place.safetensors"
show $starnest logits -m "$work/small" --ids 1,25,50,8,39,7,3 -o "$work/sliced.safetensors"
show cmp "$work/in_place.safetensors" "$work/sliced.safetensors" && echo "equal"

say "Accuracy by generation on 200 problems that training never saw, and without thinking."
for size in large medium small; do
  show $starnest eval -m $model --task c --effort e2 -n 200 --size $size
done
show $starnest eval -m $model --task c --effort e0 -n 200 --size large
