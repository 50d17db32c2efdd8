#!/usr/bin/env python3
"""Measures plans of a family one question at a time: accuracy against seconds and bytes, over all task families.

Every plan at every budget is one `starnest eval --parallel 1` per task. The JSON files stay in --out, for
`starnest report`; the table marks the plans that no other one beats in seconds, and in bytes. Run it on an idle machine.
Needs nothing but the standard library.
"""

import argparse
import json
import pathlib
import subprocess

from measure_family import accuracy, k_options, size_names

NO_BUDGET = -1


def plans(sizes: list[str]) -> list[tuple[str, str, str]]:
    """(thinks, answers, hand-over): every size alone, the ends of the family both ways, and every hand-over."""
    large, small = sizes[0], sizes[-1]
    ways = [(small, large, mode) for mode in ("recompute", "shadow:16", "transplant", "hybrid:8")]
    return [(size, size, "recompute") for size in sizes] + ways + [(large, small, "recompute")]


def measure(arguments: argparse.Namespace, plan: tuple[str, str, str], budget: int) -> dict:
    """Means over the tasks of one plan at one budget."""
    thinks, answers, hand_over = plan
    reports = []
    for task in arguments.tasks:
        file = arguments.out / f"{task}-{thinks}-{answers}-{hand_over.replace(':', '_')}-{budget}.json"
        command = [arguments.starnest, "eval", "-m", arguments.model, "--task", task, "--parallel", "1"]
        command += ["-t", str(arguments.threads), "-n", str(arguments.count), "--json", str(file)]
        command += ["--think-size", thinks, "--answer-size", answers, "--hand-over", hand_over]
        command += ["--think-budget", str(budget), "--think-grace", str(arguments.grace)]
        command += k_options(arguments)
        subprocess.run(command, check=True, capture_output=True, text=True)
        reports.append(json.loads(file.read_text()))
    n = sum(report["result"]["n"] for report in reports)
    return {
        "name": thinks if thinks == answers else f"{thinks}->{answers}, {hand_over}",
        "budget": budget,
        "right": sum(report["result"]["right"] for report in reports),
        "n": n,
        "ms": 1e3 * sum(report["seconds"] for report in reports) / n,
        "mb": sum(report["mean_bytes"] * report["result"]["n"] for report in reports) / n / 1e6,
    }


def on_front(rows: list[dict], row: dict, cost: str) -> bool:
    """Whether no other row is as right for less, or more right for as much."""
    return not any(
        other[cost] <= row[cost]
        and other["right"] >= row["right"]
        and (other[cost] < row[cost] or other["right"] > row["right"])
        for other in rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models/reasoner")
    parser.add_argument("--tasks", nargs="+", default=["r", "h", "c", "a", "p"])
    parser.add_argument("--starnest", default="build/release/bin/starnest")
    parser.add_argument("--count", type=int, default=100, help="problems of each task")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--budgets", nargs="+", type=int, default=[16, 32, 48, NO_BUDGET])
    parser.add_argument("--grace", type=int, default=8)
    parser.add_argument("--k", metavar="LOW,HIGH", help="range of the tasks' knob; by default 2 to where training ends")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the JSON files")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = [
        measure(arguments, plan, budget)
        for budget in arguments.budgets
        for plan in plans(size_names(arguments.starnest, arguments.model))
    ]
    print("| plan | budget | right | ms a question | MB a question | front: time | front: bytes |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        budget = "none" if row["budget"] == NO_BUDGET else row["budget"]
        marks = " | ".join("yes" if on_front(rows, row, cost) else "" for cost in ("ms", "mb"))
        right = accuracy(row["right"], row["n"])
        print(f"| {row['name']} | {budget} | {right} | {row['ms']:.2f} | {row['mb']:.1f} | {marks} |")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.stderr.strip()) from None
