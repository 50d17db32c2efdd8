#!/usr/bin/env bash
# Makes a family from the recipe beside it: the parent, its ranking, the elastic family. What is done stays; a job that was
# stopped goes on from its last checkpoint.
# Usage: make_model.sh MODEL_FOLDER      e.g. models/reasoner; works under runs/, as its recipe.toml says
set -euo pipefail

train=build/release/bin/starnest-train
recipe=$1/recipe.toml
if [[ ! -f $recipe ]]; then
  echo "make_model.sh: $recipe: there is no recipe; models with one: $(ls models/*/recipe.toml 2>/dev/null | xargs -rn1 dirname | xargs)" >&2
  exit 1
fi

# The folder that a section of the recipe writes to.
out_of() { sed -n "/^\[$1\]/,/^\[/s/^out = \"\(.*\)\"/\1/p" "$recipe"; }

for job in pretrain rank elastify; do
  out=$(out_of "$job")
  if [[ -f $out/model.safetensors ]]; then
    echo "$out is done"
    continue
  fi
  resume=()
  compgen -G "$out/training/checkpoint*.safetensors" >/dev/null && resume=(--resume)
  "$train" "$job" --config "$recipe" "${resume[@]}"
done
made=$(out_of elastify)/model.safetensors
if [[ ! -f $1/model.safetensors ]]; then
  echo "$made is a model of this recipe."
elif cmp -s "$made" "$1/model.safetensors"; then
  echo "$made is $1/model.safetensors, byte for byte."
else
  echo "$made is a model of this recipe; $1/model.safetensors has other bytes (another kind of processor or number of threads rounds otherwise)."
fi
