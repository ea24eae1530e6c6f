"""Make the table from which the first configurations of a search are chosen, and measure what they are worth.

    python benchmarks/portfolio.py candidates [--seeds 2]
    python benchmarks/portfolio.py measure [--seeds 5] [--tasks digits wine]

`candidates` trains every candidate, a pair of activation and initializer with a learning rate, a
regularization, a place of batch normalization and a schedule, on the data that come with scikit-learn, inputs
standardized, for 30 and for 100 epochs. The regret is 0 for the best candidate of a data set and 1 for its
median, by the mean over seeds. The table goes to `src/hpsearch/scheduling/portfolio.json`.

`measure` runs searches that begin with a portfolio and others that do not, each on data that its portfolio
knows nothing of: where a data set is in the table, its columns are left out. The figures go to
`benchmarks/results/portfolio.json` after each study, and what is there already is not trained again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.scheduling.portfolio import Table, portfolio_of, textbook
from hpsearch.spec import StudySpec
from hpsearch.spec.space.space import SearchSpace

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "portfolio.json"
CHOSEN = HERE.parent / "src" / "hpsearch" / "scheduling" / "portfolio.json"

EPOCHS = (30, 100)

PAIRS = (
    ("relu", "he_normal"),
    ("elu", "he_normal"),
    ("leaky_relu", "he_normal"),
    ("tanh", "glorot_uniform"),
    ("selu", "lecun_normal"),
)
"""He et al. (arXiv 1502.01852); Glorot and Bengio (2010); Klambauer et al. (arXiv 1706.02515) for selu."""

RATES = (1, 3, 10)
"""As multiples of the optimizer's own learning rate."""

REGULARIZATIONS = ((0.0, 1e-6), (0.2, 1e-4), (0.4, 1e-3))
"""Dropout and L2."""

DATA: dict[str, dict[str, Any]] = {
    name: {"sklearn": name, "validation": 0.25, "scaling": "standard"}
    for name in ("digits", "wine", "breast_cancer", "diabetes")
}

Candidate = dict[str, Any]


def candidates() -> list[Candidate]:
    """List what may be chosen; selu normalizes by itself."""
    found = product(PAIRS, RATES, REGULARIZATIONS, ("none", "before_activation"), ("constant", "cosine"))
    return [
        {
            "activation": activation,
            "initializer": initializer,
            "rate": rate,
            "dropout": dropout,
            "l2": l2,
            "batch_norm": batch_norm,
            "schedule": schedule,
        }
        for (activation, initializer), rate, (dropout, l2), batch_norm, schedule in found
        if activation != "selu" or batch_norm == "none"
    ]


def column(*words: Any) -> str:
    """Name the study of a column of the table."""
    return "-".join(map(str, words))


def candidate_study(name: str, epochs: int, seed: int) -> dict[str, Any]:
    """Write the study that trains every candidate once."""
    model = {
        "hidden": [64, 64],
        "activation": {"choice": [activation for activation, _ in PAIRS]},
        "initializer": {"choice": sorted({initializer for _, initializer in PAIRS})},
        "batch_norm": {"choice": ["none", "before_activation"]},
        "dropout": {"uniform": [0.0, 0.5]},
        "l2": {"log_uniform": [1e-6, 1e-2]},
    }
    training = {
        "learning_rate": {"log_uniform": [1e-4, 1e-1]},
        "schedule": {"choice": ["constant", {"cosine": {"warmup": 0.1}}]},
        "epochs": epochs,
        "batch_size": 32,
    }
    labels = {"constant": "constant", "cosine": "cosine(warmup=share(0.1))"}
    values = [
        {name: value for name, value in one.items() if name != "rate"}
        | {"learning_rate": one["rate"] / 1000, "schedule": labels[one["schedule"]]}
        for one in candidates()
    ]
    search = {"sampler": "random", "seed": seed, "trials": len(values), "enqueue": values, "probes": "off"}
    study = {
        "name": column(name, epochs, seed),
        "data": DATA[name],
        "model": {"mlp": model},
        "training": training,
    }
    return {**study, "search": search, "confirm": "none", "baseline": "off"}


def trained(study: dict[str, Any]) -> list[float | None]:
    """Run a study and give the value of each trial; None where it failed."""
    import hpsearch

    with tempfile.TemporaryDirectory() as folder:
        found = hpsearch.optimize(study, out=folder, progress=False)
        return [trial.value for trial in found.record.trials]


def regrets(values: list[list[float | None]]) -> np.ndarray:
    """Give the regret of each candidate, from its values by seed; a failure is as bad as the worst."""
    rows = np.array(values, float)
    means = np.where(np.isnan(rows), np.nanmax(rows), rows).mean(axis=0)
    return (means - means.min()) / (np.median(means) - means.min())


def train_candidates(figures: dict[str, Any], seeds: int) -> None:
    """Train what is missing, and write the table."""
    known = figures.setdefault("candidates", {})
    columns = list(product(DATA, EPOCHS))
    for seed, (name, epochs) in product(range(seeds), columns):
        if column(name, epochs, seed) not in known:
            known[column(name, epochs, seed)] = trained(candidate_study(name, epochs, seed))
            store(figures)
    table = np.array([regrets([known[column(*one, seed)] for seed in range(seeds)]) for one in columns])
    fields = list(candidates()[0])
    raw = {
        "made by": "benchmarks/portfolio.py",
        "data": [f"sklearn:{name}, {epochs} epochs" for name, epochs in columns],
        "fields": fields,
        "candidates": [list(one.values()) for one in candidates()],
        "regrets": table.T.round(3).tolist(),
    }
    CHOSEN.write_text(json.dumps(raw).replace("], ", "],\n") + "\n")


BUDGETS = (1, 3, 5, 10, 25)

TASKS: dict[str, dict[str, Any]] = {
    **{name: {"data": data, "epochs": 30} for name, data in DATA.items()},
    "fashion": {"data": {"keras": "fashion_mnist", "subset": 2000, "rescale": 1 / 255}, "epochs": 15},
}

CONTESTANTS: dict[str, tuple[str, str]] = {
    "hierarchical_tpe": ("hierarchical_tpe", "off"),
    "hierarchical_tpe after the portfolio": ("hierarchical_tpe", "on"),
    "tpe": ("tpe", "off"),
    "tpe after the portfolio": ("tpe", "on"),
}


def measured_study(task: str, contestant: str, seed: int) -> dict[str, Any]:
    """Write a search in the space of the throughput benchmark."""
    from tasks import CARD, TRAINING

    sampler, portfolio = CONTESTANTS[contestant]
    study = {
        "name": f"{task}-{seed}",
        "data": TASKS[task]["data"],
        "model": {"mlp": {"hidden": [128, 64], **CARD}},
        "training": {**TRAINING, "epochs": TASKS[task]["epochs"], "batch_size": 64},
        "search": {"sampler": sampler, "seed": seed, "trials": BUDGETS[-1], "probes": "off"},
        "confirm": "none",
        "baseline": "off",
    }
    spec = StudySpec.model_validate(study)
    values = portfolio_of(spec, SearchSpace(spec), table_without(task)) if portfolio == "on" else "off"
    return {**study, "search": {**study["search"], "portfolio": list(values) if values != "off" else "off"}}


def table_without(task: str) -> Table:
    """Give the table without the data of a task."""
    names = [name for name, _ in product(DATA, EPOCHS)]
    return textbook().without([at for at, name in enumerate(names) if name == task])


def measure(figures: dict[str, Any], seeds: int, tasks: list[str], contestants: list[str]) -> None:
    """Run the searches that are missing, and print what was found."""
    known = figures.setdefault("searches", {})
    for seed, task, contestant in product(range(seeds), tasks, contestants):
        rows = known.setdefault(task, {}).setdefault(contestant, [])
        if len(rows) == seed:
            rows.append(trained(measured_study(task, contestant, seed)))
            store(figures)
    print(told(known))


def told(known: dict[str, Any]) -> str:
    """Write the mean regret at each budget: 0 is the best value of a task, 1 the median of random trials."""
    lines = [
        f"| contestant | {' | '.join(f'regret at {budget}' for budget in BUDGETS)} | searches |",
        f"| --- | {' | '.join('---:' for _ in BUDGETS)} | ---: |",
    ]
    for contestant in CONTESTANTS:
        tasks = [searches for searches in known.values() if searches.get(contestant)]
        rows = np.vstack([best_so_far(searches, contestant) for searches in tasks])
        means = rows.mean(axis=0)
        margins = 1.96 * rows.std(axis=0, ddof=1) / len(rows) ** 0.5
        cells = [f"{mean:.3f} ± {margin:.3f}" for mean, margin in zip(means, margins, strict=True)]
        lines.append(f"| {contestant} | {' | '.join(cells)} | {len(rows)} |")
    return "\n".join(lines)


def best_so_far(searches: dict[str, list[list[float | None]]], contestant: str) -> np.ndarray:
    """Give the regret of each search of a task at each budget; the first ten trials of a TPE are random."""
    every = [np.array(values, float) for rows in searches.values() for values in rows]
    least = min(np.nanmin(values) for values in every)
    median = np.nanmedian([values[:10] for values in np.array(searches["hierarchical_tpe"], float)])
    best = [[np.nanmin(np.array(row, float)[:budget]) for budget in BUDGETS] for row in searches[contestant]]
    return (np.array(best) - least) / (median - least)


def store(figures: dict[str, Any]) -> None:
    """Write the figures, a line for each study."""
    RESULTS.write_text(json.dumps(figures).replace("], ", "],\n") + "\n")


def main() -> None:
    """Train candidates, or measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["candidates", "measure"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--contestants", nargs="*", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    options = parser.parse_args()
    figures = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if options.what == "candidates":
        train_candidates(figures, options.seeds)
    else:
        measure(figures, options.seeds, options.tasks, options.contestants)


if __name__ == "__main__":
    main()
