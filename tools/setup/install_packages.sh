#!/usr/bin/env bash
# Installs the Debian packages that a group of work needs and that are missing. Says nothing when none is.
# Usage: install_packages.sh GROUP...      groups: engine (the program), train (starnest-train, beside LibTorch),
#        tests (tests and the tools in Python), fuzz (clang with libFuzzer)
set -euo pipefail

engine=(g++ cmake ninja-build pkg-config libcli11-dev nlohmann-json3-dev libhwy-dev libpcre2-dev libutf8proc-dev
        libssl-dev zlib1g-dev libedit-dev libjs-chart.js)
train=(libgloo-dev)
tests=(libgtest-dev python3 python3-venv)
# The runtime of libFuzzer is a package of the default clang's version.
fuzz=(clang "$(apt-cache depends clang 2>/dev/null | sed -n 's/^ *Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p' | head -1)")

wanted=()
for group in "$@"; do
  case "$group" in
    engine) wanted+=("${engine[@]}") ;;
    train) wanted+=("${train[@]}") ;;
    tests) wanted+=("${tests[@]}") ;;
    fuzz) wanted+=("${fuzz[@]}") ;;
    *) echo "install_packages.sh: unknown group '$group' (known: engine, train, tests, fuzz)" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "This is no Debian: the packages are not checked. Needed are: ${wanted[*]}" >&2
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || { echo "Please install as root: apt-get install -y ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get -qq update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
