# SPDX-License-Identifier: Apache-2.0
"""Runs `starnest bench` and llama-bench in turn on one model and prints the ratio. See llama_cpp.sh.

Each program loads, warms up and is timed once per round, so that what else the machine does falls on both alike.
"""

import argparse
import json
import statistics
import subprocess
import sys
from typing import Any


def output_of(command: list[str]) -> Any:
    """The JSON that a program prints; its messages are shown when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nfailed:\n{done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def starnest_rates(options: argparse.Namespace) -> dict[str, Any]:
    """Tokens per second of the full size, the plain read in GB/s and what ran."""
    report = output_of(
        [options.starnest, "bench", "-m", options.model, "--sizes", "full", "--mixes", "0"]
        + ["-p", str(options.p), "-n", str(options.n), "-r", "1", "-t", str(options.threads)]
        + ["--json"]
    )
    size = report["sizes"][0]
    return {
        "prefill": size["prefill"]["tokens_per_second"],
        "decode": size["decode"]["tokens_per_second"],
        "read": report["read_gb_per_second"],
        "threads": report["threads"],
        "kernels": report["kernel_path"],
    }


def llama_rates(options: argparse.Namespace, threads: int) -> dict[str, float]:
    """Tokens per second of llama.cpp with as many threads."""
    report = output_of(
        [options.llama_bench, "-m", options.gguf, "-p", str(options.p), "-n", str(options.n)]
        + ["-r", "1", "-t", str(threads), "-o", "json"]
    )
    return {"prefill" if test["n_prompt"] else "decode": test["avg_ts"] for test in report}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("starnest", "llama-bench", "model", "gguf"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("-p", type=int, default=512, help="tokens of the prompt")
    parser.add_argument("-n", type=int, default=64, help="tokens to decode")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: all that a process may use")
    options = parser.parse_args()

    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, float]] = []
    for number in range(1, options.rounds + 1):
        ours.append(starnest_rates(options))
        theirs.append(llama_rates(options, ours[0]["threads"]))
        print(
            f"round {number}: read {ours[-1]['read']:.1f} GB/s; prefill {ours[-1]['prefill']:.1f} and "
            f"{theirs[-1]['prefill']:.1f}, decode {ours[-1]['decode']:.2f} and "
            f"{theirs[-1]['decode']:.2f} tokens/s",
            file=sys.stderr,
            flush=True,
        )
    print(
        f"tokens/s, medians of {options.rounds} rounds in turn, {ours[0]['threads']} threads, "
        f"starnest with {ours[0]['kernels']} kernels"
    )
    print(f"{'':12}{'starnest':>10}{'llama.cpp':>11}{'ratio':>8}")
    for phase, count in (("prefill", options.p), ("decode", options.n)):
        ratio = statistics.median(a[phase] / b[phase] for a, b in zip(ours, theirs, strict=True))
        mine, other = (statistics.median(run[phase] for run in runs) for runs in (ours, theirs))
        print(f"{phase + ' ' + str(count):12}{mine:10.2f}{other:11.2f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
