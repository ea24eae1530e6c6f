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


def peers() -> str:
    """Give our seconds per trial, and the times that each peer takes, a row for each task."""
    figures = json.loads((RESULTS / "throughput.json").read_text())
    tasks = figures["tasks"] | figures["models"]
    names = [name for name in tasks["a"]["contestants"] if not name.startswith("hpsearch")]
    lines = ["| task | trials, ours and theirs | ours, seconds per trial | " + " | ".join(names) + " |"]
    lines.append("| --- |" + " ---: |" * (len(names) + 2))
    for task, found in tasks.items():
        ours, *others = next(iter(found["contestants"].values())), *map(found["contestants"].get, names)
        cells = [f"{ours['trials']}, {others[0]['trials']}", f"{ours['seconds_per_trial']:.2f}"]
        cells += [f"{row['ratio']:.1f} times" for row in others]
        lines.append(f"| {TITLES.get(task, task)} | " + " | ".join(cells) + " |")
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
    lines = [f"{figures['date']}, {figures['studies']} studies of each task; {_versions(figures)}.", ""]
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
    searches = [name for name in names if f"{name}, ensemble" in names]
    told = [_gain_of_ensembles(name, list(figures.values())) for name in searches]
    return "\n".join([*lines, "", *told])


def _gain_of_ensembles(search: str, tables: list[dict[str, dict[str, dict[str, float]]]]) -> str:
    """Tell how far ensembles are below winners on test rows, as shares of the constant's error."""
    found = [
        100
        * (_metric(rows[search]) - _metric(rows[f"{search}, ensemble"])).mean()
        / _metric(rows["constant"]).mean()
        for rows in tables
        if f"{search}, ensemble" in rows
    ]
    half = (
        stats.t.ppf(0.975, len(found) - 1) * np.std(found, ddof=1) / np.sqrt(len(found))
        if found[1:]
        else None
    )
    reach = "" if half is None else f" \N{PLUS-MINUS SIGN} {half:.1f} (95 %, Student's t over the tables)"
    lower = f"lower or equal on {sum(one >= 0 for one in found)} of {len(found)} tables"
    return (
        f"{search.capitalize()}: the ensemble's error is lower than the winner's by {np.mean(found):.1f} % "
        f"of the constant's{reach}, the mean over the tables; {lower}."
    )


def _of_seeds(rows: dict[str, dict[str, float]]) -> str:
    """Give the mean over seeds with its 95 % interval by Student's t, and the mean of the seconds."""
    values, reach = _metric(rows), ""
    if len(values) > 1:
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        reach = f" \N{PLUS-MINUS SIGN} {half:.3f}"
    seconds = [row["seconds"] for row in rows.values() if "seconds" in row]
    told = f" ({np.mean(seconds):.0f})" if seconds else ""
    return f"{values.mean():.3f}{reach}{told}"


def _metric(rows: dict[str, dict[str, float]]) -> np.ndarray:
    metric = "rmse" if "rmse" in next(iter(rows.values())) else "log_loss"
    return np.array([row[metric] for row in rows.values()])


def search_quality() -> str:
    """Give the mean regret and the average rank at each budget, a row for each contestant of all tasks."""
    figures = json.loads((RESULTS / "search_quality.json").read_text())
    tasks, budgets = list(figures["tables"].values()), figures["budgets"]
    names = [name for name in tasks[0] if all(name in task for task in tasks)]
    seeds = min(len(task[name]) for task in tasks for name in names)
    # contestants x tasks x seeds x (a regret for each budget, seconds)
    rows = np.array([[task[name][:seeds] for task in tasks] for name in names])
    ranks = stats.rankdata(rows[..., :-1], axis=0).mean(axis=(1, 2))
    means = rows.mean(axis=(1, 2))
    # The tasks are these twelve and no sample: the spread is that of the seeds within each.
    errors = np.sqrt(rows.var(axis=2, ddof=1).sum(axis=1) / seeds) / len(tasks)
    reach = stats.t.ppf(0.975, len(tasks) * (seeds - 1)) * errors
    heads = [f"{word} at {budget}" for word in ("regret", "rank") for budget in budgets]
    lines = [f"{figures['date']}; {len(tasks)} tasks, {seeds} seeds each; {_versions(figures)}.", ""]
    lines += [
        "| contestant | " + " | ".join([*heads, "seconds"]) + " |",
        "| --- |" + " ---: |" * (len(heads) + 1),
    ]
    for at in np.argsort(ranks[:, -1], kind="stable"):
        cells = [f"{means[at, b]:.3f} \N{PLUS-MINUS SIGN} {reach[at, b]:.3f}" for b in range(len(budgets))]
        cells += [f"{rank:.2f}" for rank in ranks[at]]
        lines.append(f"| {names[at]} | " + " | ".join([*cells, f"{means[at, -1]:.1f}"]) + " |")
    skipped = [f"{name}: {reason}" for name, reason in figures["skipped"].items() if name not in names]
    return "\n".join(lines + ["", f"Not measured: {'; '.join(skipped)}."] * bool(skipped))


def search_training() -> str:
    """Give how many times fewer epochs contestants need for the quality of random search, and medians."""
    figures = json.loads((RESULTS / "search_training.json").read_text())
    tasks, whole = figures["tasks"], figures["whole"]
    needed = {task: _epochs_to_quality(rows, whole) for task, rows in tasks.items()}
    names = [name for name in needed[next(iter(tasks))] if all(name in rows for rows in needed.values())]
    seeds = ", ".join(f"{task} {len(rows['random'])}" for task, rows in tasks.items())
    part = whole // 10
    heads = ["contestant", "times fewer epochs", *(f"{task}, median epochs" for task in tasks), "never"]
    heads.append(f"loss at {part} epochs")
    lines = [f"{figures['date']}; searches of each contestant: {seeds}.", ""]
    lines += ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    for name in names:
        rows = [needed[task][name] for task in tasks]
        logs = np.log(whole / np.concatenate(rows))
        half = stats.t.ppf(0.975, len(logs) - 1) * stats.sem(logs) if len(logs) > 1 else np.nan
        low, mean, high = np.exp(logs.mean() + np.array([-half, 0.0, half]))
        times = f"{mean:.1f}" + f" ({low:.1f} to {high:.1f})" * bool(np.isfinite(half))
        cells = [times, *(f"{np.median(row):,.0f}" for row in rows), f"{np.sum(logs == 0)} of {len(logs)}"]
        losses = [loss for rows in tasks.values() for loss in _loss_at(rows, name, part)]
        cells.append(f"{np.exp(np.mean(losses)):.2f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


Searches = dict[str, list[list[list[float]]]]
"""For each contestant and seed the epochs at which the choice changed, and its judged loss."""


def _quality(rows: Searches) -> float:
    """Give the mean loss of what random search chose in the end."""
    return float(np.mean([choices[-1][1] for choices in rows["random"]]))


def _loss_at(rows: Searches, name: str, epochs: int) -> list[float]:
    """Give the logarithm of the loss of each choice after so many epochs, to that of random search."""
    chosen = [[judged for spent, judged in row if spent <= epochs][-1] for row in rows[name]]
    return [float(np.log(judged / _quality(rows))) for judged in chosen]


def _epochs_to_quality(rows: Searches, whole: int) -> dict[str, list[float]]:
    """Give for each search of a task after how many epochs it first chose what is as good as asked."""
    quality = _quality(rows)
    return {
        name: [next((spent for spent, judged in row if judged <= quality), whole) for row in searches]
        for name, searches in rows.items()
    }


def _versions(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in figures["versions"].items())


BLOCKS: tuple[tuple[str, str, Any], ...] = (
    ("README.md", "throughput", throughput),
    ("docs/training.md", "decisions", decisions),
    ("docs/training.md", "models", models),
    ("docs/comparison.md", "peers", peers),
    ("docs/evidence.md", "calibration", calibration),
    ("docs/tables.md", "tables", tables),
    ("docs/search_quality.md", "search_quality", search_quality),
    ("docs/search_quality.md", "search_training", search_training),
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
