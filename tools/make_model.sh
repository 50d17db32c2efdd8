#!/usr/bin/env bash
# Makes a family from the recipe beside it: the parent, its ranking, the elastic family. What is done stays; a job that was
# stopped goes on from its last checkpoint.
# Usage: make_model.sh MODEL_FOLDER      e.g. models/reasoner; works under runs/, as its recipe.toml says
set -euo pipefail

train=build/release/bin/starnest-train
recipe=$1/recipe.toml

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
echo "$(out_of elastify) is what $1 holds, beside its recipe and card."
