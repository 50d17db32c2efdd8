# SPDX-License-Identifier: Apache-2.0
"""How fast text becomes ids, beside Hugging Face `tokenizers` on one thread.

Usage: tokenizer.py TOKENIZER_JSON TEXT_FILE [ROUNDS]

The program is timed whole, on the text and on nothing, in turn; the difference is the encoding. Needs a built program and
the Python environment of `make interop`.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402

STARNEST = Path(__file__).resolve().parents[1] / "build/release/bin/starnest"


def run(model: str, text: str) -> float:
    """Seconds of one run of the program."""
    begin = time.perf_counter()
    command = [str(STARNEST), "tokenize", "-m", model, "--jsonl"]
    subprocess.run(command, input=json.dumps(text) + "\n", capture_output=True, text=True, check=True)
    return time.perf_counter() - begin


def main() -> None:
    """Prints both rates and their ratio, medians of the rounds."""
    model, text = sys.argv[1], Path(sys.argv[2]).read_text(errors="ignore")
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    size = len(text.encode()) / 1e6
    theirs = Tokenizer.from_file(model)
    ours_seconds, their_seconds = [], []
    for _ in range(rounds):
        nothing = run(model, "")
        ours_seconds.append(run(model, text) - nothing)
        begin = time.perf_counter()
        theirs.encode(text)
        their_seconds.append(time.perf_counter() - begin)
    ours, other = statistics.median(ours_seconds), statistics.median(their_seconds)
    print(f"{size:.1f} MB, {rounds} rounds: starnest {size / ours:.2f} MB/s, tokenizers {size / other:.2f} MB/s, ", end="")
    print(f"ratio {other / ours:.2f}")


if __name__ == "__main__":
    main()
