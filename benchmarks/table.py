"""Put the figures of `benchmarks/results/` into README.md and pages of docs/, between their markers.

    python benchmarks/table.py [--check]

With `--check` nothing is written, and the exit code is 1 where a page is behind the figures.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

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


def models() -> str:
    """Give the whole of each task, its start, what one trial more costs, and the ratio to ours of a trial."""
    figures = json.loads((RESULTS / "throughput.json").read_text())
    lines = ["| task | contestant | trials | whole (s) | start (s) | one trial more (s) | a trial, to ours |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for task, found in (figures["tasks"] | figures.get("models", {})).items():
        for name, row in found["contestants"].items():
            if "one_more" not in row:
                continue
            trials = row["trials"]
            whole = trials * row["seconds_per_trial"]
            cells = f"{whole:.1f} | {row['start']:.1f} | {row['one_more']:.2f} | {row['ratio']:.1f}"
            lines.append(f"| {TITLES.get(task, task)} | {name} | {trials} | {cells} |")
    return "\n".join(lines)


CALIBRATION = {
    "wrong_naive": "naive winner is not the judge's best",
    "wrong_confirmed": "confirmed winner is not",
    "share_confirmed": "regret, confirmed",
    "share_ideal": "regret, ideal",
    "avoidable_left": "avoidable regret left",
    "known_regret_confirmed": "regret where the truth is known, confirmed",
    "known_regret_ideal": "the same, ideal",
    "ties": "finalists tied",
    "ties_hold_best_finalist": "ties hold the judge's best finalist",
    "ties_hold_best_of_all": "ties hold the judge's best of 100",
    "covered": "95 % interval covers the judge",
    "optimism_naive": "optimism, naive",
    "optimism_confirmed": "optimism, confirmed",
    "runs": "more training",
}
CHOICES = {
    "share_confirmed": "the race: 10 finalists within 20 runs",
    "share_with_search_score": "10 finalists, every seed; the search's score counts as one more replicate",
    "share_twice_the_finalists": "20 finalists, every seed",
    "share_ideal": "all 100 configurations, every seed but the judge's",
    "share_omniscient": "all 100 configurations, every seed, the judge's too",
}


def calibration() -> str:
    """Give how calibrated the evidence is, a row for each task, and what other choices would regret."""
    figures = json.loads((RESULTS / "calibration.json").read_text())
    many, few = figures["finalists"]["10"], figures["finalists"]["5"]
    rows = many["tasks"] | {"mean": many["mean"], "mean with 5 finalists": few["mean"]}
    versions = ", ".join(f"{name} {number}" for name, number in figures["versions"].items())
    lines = [f"{figures['date']}, {figures['studies']} studies of each task; {versions}.", ""]
    lines += ["| task | " + " | ".join(CALIBRATION.values()) + " |", "| --- |" + " ---: |" * len(CALIBRATION)]
    lines += [
        f"| {task} | " + " | ".join(_share(row, name) for name in CALIBRATION) + " |"
        for task, row in rows.items()
    ]
    lines += ["", "| choice, mean over the tasks | regret |", "| --- | ---: |"]
    lines += [f"| {choice} | {_share(many['mean'], name)} |" for name, choice in CHOICES.items()]
    return "\n".join(lines)


def _share(row: dict[str, float | None], name: str) -> str:
    if row[name] is None:
        return "\N{EN DASH}"
    if name in {"runs", "ties"}:
        return f"{row[name]:.1f}" + " %" * (name == "runs")
    return f"{100 * row[name]:.{1 if name.startswith('optimism') else 0}f} %".replace("-0.0 %", "0.0 %")


def tables() -> str:
    """Give the mean of the test metric and of the seconds for each table, a row for each contestant."""
    figures = json.loads((RESULTS / "tables.json").read_text())
    names = list(dict.fromkeys(name for rows in figures.values() for name in rows))
    lines = ["| test metric (seconds) | " + " | ".join(figures) + " |", "| --- |" + " ---: |" * len(figures)]
    for name in names:
        cells = [_of_seeds(rows[name]) if name in rows else "\N{EN DASH}" for rows in figures.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _of_seeds(rows: dict[str, dict[str, float]]) -> str:
    """Give the mean over seeds with its 95 % interval by Student's t, and the mean of the seconds."""
    metric = "rmse" if "rmse" in next(iter(rows.values())) else "log_loss"
    values = np.array([row[metric] for row in rows.values()])
    reach = ""
    if len(values) > 1:
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        reach = f" \N{PLUS-MINUS SIGN} {half:.3f}"
    seconds = [row["seconds"] for row in rows.values() if "seconds" in row]
    told = f" ({np.mean(seconds):.0f})" if seconds else ""
    return f"{values.mean():.3f}{reach}{told}"


BLOCKS: tuple[tuple[str, str, Any], ...] = (
    ("README.md", "throughput", throughput),
    ("docs/training.md", "decisions", decisions),
    ("docs/training.md", "models", models),
    ("docs/evidence.md", "calibration", calibration),
    ("docs/tables.md", "tables", tables),
)


def filled(page: str, marker: str, text: str) -> str:
    """Put a text between the markers of a page."""
    pattern = rf"(<!-- {marker} -->\n).*?(\n<!-- /{marker} -->)"
    return re.sub(pattern, lambda match: match[1] + text + match[2], page, flags=re.DOTALL)


def main() -> None:
    """Fill the pages, or check that they are filled."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    for name, marker, table in BLOCKS:
        path = ROOT / name
        old = path.read_text()
        new = filled(old, marker, table())
        if options.check and new != old:
            raise SystemExit(f"{name} is behind the figures: run python benchmarks/table.py")
        if not options.check:
            path.write_text(new)


if __name__ == "__main__":
    main()
