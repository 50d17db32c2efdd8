#!/usr/bin/env bash
# Makes .venv and installs pinned packages into it, once per version of the list.
# Usage: python_env.sh REQUIREMENTS_FILE
set -euo pipefail

requirements=$1
stamp=.venv/.installed-$(sha256sum "$requirements" | cut -c1-16)
[[ -f $stamp ]] && exit 0
[[ -x .venv/bin/python ]] || python3 -m venv .venv
echo "Installing the packages of $requirements into .venv"
.venv/bin/python -m pip install --quiet --requirement "$requirements"
touch "$stamp"
