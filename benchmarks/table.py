"""Put the figures of `benchmarks/results/` into README.md and docs/training.md, between their markers.

    python benchmarks/table.py [--check]

With `--check` nothing is written, and the exit code is 1 where a page is behind the figures.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"

TITLES = {
    "a": "digits, 64-64, 30 epochs, batch 32",
    "b": "Fashion-MNIST, 128-64, 5 epochs, batch 128",
    "c": "Fashion-MNIST, 512-512-512, 2 epochs, batch 128",
}


def throughput() -> str:
    """Give seconds per trial and ratios, a row for each contestant."""
    tasks = json.loads((RESULTS / "throughput.json").read_text())["tasks"]
    names = list(next(iter(tasks.values()))["contestants"])
    lines = ["| seconds per trial (times ours) | " + " | ".join(TITLES[task] for task in tasks) + " |"]
    lines.append("| --- |" + " ---: |" * len(tasks))
    for name in names:
        rows = [tasks[task]["contestants"][name] for task in tasks]
        cells = [f"{row['seconds_per_trial']:.2f} ({row['ratio']:.1f})" for row in rows]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def decisions() -> str:
    """Give what the rules of the compiled trainer stand on."""
    figures = json.loads((RESULTS / "decisions.json").read_text())
    lines = [
        "| measured | first epoch, with compiling (s) | a later epoch, for each member (ms) |",
        "| --- | ---: | ---: |",
    ]
    for rows in figures.values():
        lines += [
            f"| {name} | {row['first_seconds']:.1f} | {row['member_ms']:.2f} |" for name, row in rows.items()
        ]
    return "\n".join(lines)


PAGES: dict[str, tuple[str, Any]] = {
    "README.md": ("throughput", throughput),
    "docs/training.md": ("decisions", decisions),
}


def filled(page: str, marker: str, text: str) -> str:
    """Put a text between the markers of a page."""
    pattern = rf"(<!-- {marker} -->\n).*?(\n<!-- /{marker} -->)"
    return re.sub(pattern, lambda match: match[1] + text + match[2], page, flags=re.DOTALL)


def main() -> None:
    """Fill the pages, or check that they are filled."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    for name, (marker, table) in PAGES.items():
        path = ROOT / name
        old = path.read_text()
        new = filled(old, marker, table())
        if options.check and new != old:
            raise SystemExit(f"{name} is behind the figures: run python benchmarks/table.py")
        if not options.check:
            path.write_text(new)


if __name__ == "__main__":
    main()
