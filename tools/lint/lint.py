# SPDX-License-Identifier: Apache-2.0
"""clang-format on every source, clang-tidy on every compiled source that is not a test.

Usage: lint.py [--fix] [--format-only] [--train] [--build DIR] [FILE...]

clang-tidy checks what the compiler compiles: several sources as one, where CMake puts them together. What passed is not
checked again until it, a file of ours that it includes, its compile command or .clang-tidy changes (.cache/tidy
remembers). The training side takes clang-tidy a minute, nearly all of it for LibTorch's headers, so it is checked on
request only (--train, or by name).
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
CACHE = REPOSITORY / ".cache" / "tidy"
INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.MULTILINE)
LIBRARY = re.compile(r"/src/(\w+)/CMakeFiles/starnest\w*\.dir/Unity/")  # in the path of sources put together
FOLDERS = ("src", "include", "tests", "examples", "bench", "fuzz")


def sources() -> list[Path]:
    """Every C++ file of the project."""
    found = [p for folder in FOLDERS for p in (REPOSITORY / folder).rglob("*")]
    return sorted(p for p in found if p.suffix in (".cc", ".h"))


def check_format(files: list[Path], fix: bool) -> bool:
    """Whether all files are formatted; with `fix` they are afterwards."""
    command = [TOOLS / "clang-format", *(["-i"] if fix else ["--dry-run", "-Werror"]), *files]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0


def with_headers(source: Path) -> list[Path]:
    """The file and all headers of ours that it includes, directly or not."""
    seen: list[Path] = []
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.append(path)
        for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            for folder in (REPOSITORY / "src", REPOSITORY / "include", path.parent):
                if (folder / name).is_file():
                    waiting.append((folder / name).resolve())
    return sorted(seen)


def key_of(source: Path, command: str) -> str:
    """Changes with everything that can change what clang-tidy says."""
    digest = hashlib.sha256(command.encode())
    for path in [REPOSITORY / ".clang-tidy", *with_headers(source)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tidy(entry: dict[str, str], build: Path) -> str:
    """What clang-tidy has against one file; empty when it has nothing."""
    source = Path(entry["file"])
    stamp = CACHE / hashlib.sha256(str(source.relative_to(REPOSITORY)).encode()).hexdigest()
    key = key_of(source, entry["command"])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == key:
        return ""
    # Of sources put together, the file that includes them is not ours.
    options = ["--checks=-bugprone-suspicious-include"] if source.is_relative_to(build) else []
    command = [TOOLS / "clang-tidy", "--quiet", *options, "-p", build, source]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stdout + done.stderr
    stamp.write_text(key, encoding="utf-8")
    return ""


def folder_of(file: str) -> str | None:
    """The folder of src/ that a compiled file belongs to; None for tests and for what is not ours."""
    if library := LIBRARY.search(file):
        return library[1]
    path = Path(file)
    if not path.is_relative_to(REPOSITORY / "src") or path.suffix != ".cc" or path.name.endswith("_test.cc"):
        return None
    return path.relative_to(REPOSITORY / "src").parts[0]


def check_tidy(build: Path, chosen: list[Path], train: bool) -> bool:
    """Whether clang-tidy accepts the chosen sources, or every compiled one that is not a test."""
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    if chosen:  # clang-tidy takes the compile command of a file that lies near
        wanted = [{"file": str(f), "command": ""} for f in chosen if f.suffix == ".cc"]
    else:
        folders = {e["file"]: folder_of(e["file"]) for e in entries}
        wanted = [e for e in entries if folders[e["file"]] and (train or folders[e["file"]] != "train")]
    CACHE.mkdir(parents=True, exist_ok=True)
    good = True
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for complaint in pool.map(lambda entry: tidy(entry, build), wanted):
            if complaint:
                print(complaint, end="")
                good = False
    print(f"clang-tidy: {len(wanted)} files, {'all good' if good else 'with complaints'}")
    return good


def main() -> int:
    """Exit code 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fix", action="store_true", help="format in place")
    parser.add_argument("--format-only", action="store_true", help="no clang-tidy")
    parser.add_argument("--train", action="store_true", help="clang-tidy on src/train too")
    parser.add_argument("--build", type=Path, default=REPOSITORY / "build/release")
    parser.add_argument("files", nargs="*", type=Path, help="only these")
    arguments = parser.parse_args()
    chosen = [file.resolve() for file in arguments.files]
    good = check_format(chosen or sources(), arguments.fix)
    if not arguments.format_only:
        good = check_tidy(arguments.build.resolve(), chosen, arguments.train) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
