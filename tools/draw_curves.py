#!/usr/bin/env python3
"""Draws the development accuracy of training runs against the tokens that each size read, as an SVG for a model card.

A curve is LABEL=RUN or LABEL=RUN:SIZE, where RUN is the folder of a pretrain or elastify run. Needs nothing but the
standard library.
"""

import argparse
import json
import pathlib

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 56, 160, 20, 48
COLOURS = ("#0072b2", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")  # Okabe and Ito, safe for colour blindness
TWIN = "'s twin"  # ends the label of a curve that is dashed, in the colour of the curve without it


def curve(run: str, size: str, way: str) -> list[tuple[float, float]]:
    """Points (million tokens, percent of traces right)."""
    points = []
    for text in (pathlib.Path(run) / "training" / "log.jsonl").read_text().splitlines():
        line = json.loads(text)
        dev = (line.get("sizes", {}).get(size, {}) if size else line).get("dev")
        if dev:
            points.append((line["tokens"] / 1e6, 100 * dev[way]["whole"]))
    return points


def svg(curves: dict[str, list[tuple[float, float]]], lowest: float, title: str) -> str:
    most = max(x for points in curves.values() for x, _ in points)

    def place(x: float, y: float) -> tuple[float, float]:
        share = (max(y, lowest) - lowest) / (100 - lowest)
        return LEFT + x / most * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">']
    parts.append(f'<title>{title}</title><rect width="100%" height="100%" fill="white"/>')
    step = (100 - lowest) / 5
    for i in range(6):
        y = lowest + i * step
        px, py = place(0, y)
        parts.append(f'<path d="M{px:.0f} {py:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{px - 6:.0f}" y="{py + 4:.1f}" text-anchor="end">{y:g}</text>')
    for million in range(int(most) + 1):
        px, py = place(million, lowest)
        parts.append(f'<text x="{px:.0f}" y="{py + 18:.0f}" text-anchor="middle">{million}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">million tokens</text>')
    parts.append(f'<text x="14" y="{HEIGHT / 2:.0f}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2:.0f})">{title}</text>')
    colours: dict[str, str] = {}
    for number, (label, points) in enumerate(curves.items()):
        path = "L".join(f"{px:.1f} {py:.1f}" for px, py in (place(x, y) for x, y in points))
        dash = ' stroke-dasharray="5 4"' if label.endswith(TWIN) else ""
        colour = colours.setdefault(label.removesuffix(TWIN), COLOURS[len(colours) % len(COLOURS)])
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')
        y = TOP + 14 + 20 * number
        parts.append(f'<path d="M{WIDTH - RIGHT + 12} {y - 4}h24" stroke="{colour}" stroke-width="1.8"{dash}/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 42}" y="{y}">{label}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("curves", nargs="+", metavar="LABEL=RUN[:SIZE]")
    parser.add_argument("-o", "--out", required=True, type=pathlib.Path)
    parser.add_argument("--way", default="long", help="long or terse traces")
    parser.add_argument("--lowest", type=float, default=50, help="where the axis begins, in percent")
    arguments = parser.parse_args()
    curves = {}
    for text in arguments.curves:
        label, _, run = text.partition("=")
        folder, _, size = run.partition(":")
        curves[label] = curve(folder, size, arguments.way)
    arguments.out.write_text(svg(curves, arguments.lowest, f"{arguments.way} traces right, %"))


if __name__ == "__main__":
    main()
