#!/usr/bin/env bash
# Configures a preset unless it is configured with the same options already (then the build itself sees to changes).
# Usage: configure.sh PRESET [cmake options]
set -euo pipefail

preset=$1
folder=build/$preset
stamp=$folder/.options
if [[ -f $folder/build.ninja && -f $stamp && "$(cat "$stamp")" == "$*" ]]; then exit 0; fi
cmake --preset "$@"
echo "$*" >"$stamp"
