"""How many epochs searches need for the quality of random search: networks that are trained, not tables.

    python benchmarks/search_training.py [--seeds 5] [--tasks digits reuters] [--contestants random tpe]

Every contestant searches one space in epochs of the compiled trainer, and goes on with a trial from where it
stands. The choice of a search at a time is the best of the trials that were trained to their end by then. It
is judged by the mean over fresh seeds of the least validation loss of a run. The quality to be reached is
that of random search with 200 trials, all trained to their end: the mean over seeds of what it chose. A
search that does not reach it within a third of these epochs counts as having needed all of them. The figures
go to `benchmarks/results/search_training.json` after each search, and what is there is not measured again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from tasks import CARD, TRAINING

from hpsearch.engines.in_process import InProcessWorker
from hpsearch.engines.messages import Job, Start, TickOrder
from hpsearch.scheduling.interface import Pause, StartTrial, Stop
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.seeds import derive
from hpsearch.spec import Configuration, StudySpec
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Asked, Ended, Pruning, Reported
from hpsearch.training.messages import Member

RESULTS = Path(__file__).parent / "results" / "search_training.json"

EPOCHS, TRIALS, JUDGES = 27, 200, 5
WHOLE = EPOCHS * TRIALS
MOST = WHOLE // 3
"""Epochs of a search that is not random."""

FINISHED = 10
"""Trials that are trained on where all have had one epoch before: of 10 and 40 the first are cheaper."""

TASKS: dict[str, dict[str, Any]] = {
    "digits": {"sklearn": "digits", "validation": 0.2, "rescale": 1 / 16},
    "fashion_mnist": {"keras": "fashion_mnist", "subset": 2_000, "rescale": 1 / 255},
    "reuters": {"keras": "reuters", "num_words": 1_000, "subset": 2_000},
    "california_housing": {"keras": "california_housing", "subset": 2_000},
}


def study_of(task: str, seed: int, search: dict[str, Any]) -> StudySpec:
    """Write a search of the card's space."""
    study = {
        "name": task,
        "data": TASKS[task],
        "model": {"mlp": {"hidden": [64, 64], **CARD}},
        "training": {**TRAINING, "epochs": EPOCHS, "batch_size": 64},
        "search": {"probes": "off", "seed": seed, "trials": WHOLE, "portfolio": "off", **search},
        "confirm": "none",
    }
    return StudySpec.model_validate(study)


class Trainer:
    """A task's data, opened once, and the curves of members; those under way stay in memory."""

    def __init__(self, task: str) -> None:
        spec = study_of(task, 0, {"sampler": "random"})
        job = Job(spec.dump(), str(Path.cwd()), width=1, probes=False, vmapped=False)
        self.worker = InProcessWorker(job)
        opened = self.worker.result()
        self.rows, self.chance = opened.train_rows, opened.data.chance_loss or inf
        self._number = 0
        self._means: dict[Configuration, float] = {}

    def begin(self, configuration: Configuration, seed: int) -> int:
        """Take a member on and return its number."""
        self._number += 1
        start = Start(Member(self._number, configuration, seed).dump())
        self.worker.do(TickOrder(start=(start,)))
        return self._number

    def train(self, number: int, epochs: int) -> list[float]:
        """Train a member for so many epochs more; one that diverges gives infinities from there on."""
        values: list[float] = []
        while len(values) < epochs:
            reports = self.worker.do(TickOrder(advance=(number,), epochs=epochs - len(values))).reports
            values += [inf if report.failure else report.metrics["val_loss"] for report in reports]
            if reports[-1].failure:
                return values + [inf] * (epochs - len(values))
        return values

    def end(self, number: int) -> None:
        """Let a member go."""
        self.worker.do(TickOrder(stop=(number,)))

    def judged(self, configuration: Configuration) -> float:
        """Give the mean of the least loss of runs from fresh seeds; none is worse than a constant guess."""
        if configuration not in self._means:
            least = []
            for judge in range(JUDGES):
                number = self.begin(configuration, derive("judge", judge))
                least.append(min(self.chance, *self.train(number, EPOCHS)))
                self.end(number)
            self._means[configuration] = float(np.mean(least))
        return self._means[configuration]


class Search:
    """One search: the epochs that it spent, and what it chose after each trial that it trained to its end.

    Attributes:
        spent: The number of epochs so far.
        chosen: The epochs spent, and what was chosen then, wherever the choice changed.
    """

    def __init__(self, trainer: Trainer, task: str, seed: int, most: int, **settings: Any) -> None:
        self.trainer, self.most, self.spent = trainer, most, 0
        self.experiment = SearchExperiment(study_of(task, seed, settings))
        self.curves: dict[int, list[float]] = {}
        self.chosen: list[tuple[int, Configuration]] = []
        self._members: dict[int, tuple[int, Configuration]] = {}
        self._best = inf

    @property
    def over(self) -> bool:
        """Whether the epochs are spent."""
        return self.spent >= self.most

    def begin(self, number: int, values: dict[str, Value]) -> None:
        """Begin a trial."""
        configuration = self.experiment.configuration(values)
        member = self.trainer.begin(configuration, self.experiment.seed(number, values))
        self._members[number], self.curves[number] = (member, configuration), []

    def train(self, number: int, epoch: int) -> list[float]:
        """Train a trial up to an epoch, and give the values of the new ones; failures cost no more epochs."""
        curve, (member, configuration) = self.curves[number], self._members[number]
        new = self.trainer.train(member, epoch - len(curve))
        curve += new
        self.spent += min(len(new), sum(np.isfinite(new)) + 1)
        if len(curve) == EPOCHS or new[-1] == inf:
            self.trainer.end(member)
            if min(curve) < self._best and new[-1] < inf:
                self._best = min(curve)
                self.chosen.append((self.spent, configuration))
        return new

    def judged(self) -> list[list[float]]:
        """Give the epochs spent and the judgement of each choice."""
        return [[spent, round(self.trainer.judged(chosen), 5)] for spent, chosen in self.chosen]


def by_scheduler(search: Search) -> None:
    """Search as a study with one worker does."""
    scheduler, asked = SearchScheduler(search.experiment, search.trainer.rows), 0
    while not search.over:
        promoted = scheduler.promotion("generations")
        if promoted is not None:
            scheduler.apply(promoted)
            _go_on(search, scheduler, promoted.number)
            continue
        following = scheduler.next(asked)
        assert isinstance(following, StartTrial)  # noqa: S101 - the space is not finite
        search.begin(asked, following.values)
        scheduler.apply(Asked(asked, following.values))
        _go_on(search, scheduler, asked)
        asked += 1


def _go_on(search: Search, scheduler: SearchScheduler, number: int) -> None:
    """Train a trial until it pauses or ends."""
    curve = search.curves[number]
    # A pruner may end it at any epoch, rungs at theirs alone.
    step = 1 if scheduler.may_stop else (scheduler.pauses_at(number) or EPOCHS) - len(curve)
    while len(curve) < EPOCHS:
        for value in search.train(number, len(curve) + step):
            if value == inf:
                scheduler.apply(Ended(number, "failed", None, len(curve), None, 0.0, "diverged"))
                return
        for epoch in range(len(curve) - step, len(curve)):
            scheduler.apply(Reported(number, epoch + 1, curve[epoch], {}, 0.0))
        decision = scheduler.decide(number)
        if len(curve) < EPOCHS and isinstance(decision, Pause):
            return
        if len(curve) < EPOCHS and isinstance(decision, Stop):
            scheduler.apply(_ended(search, number, "pruned", decision.pruning))
            return
    scheduler.apply(_ended(search, number, "complete"))


def _ended(search: Search, number: int, state: Any, pruning: Pruning | None = None) -> Ended:
    curve = search.curves[number]
    best = int(np.argmin(curve))
    return Ended(number, state, curve[best], len(curve), best + 1, 0.0, None, pruning)


def one_epoch(search: Search) -> None:
    """Train all trials for one epoch, and the best to their end (arXiv 2307.15422)."""
    scheduler = SearchScheduler(search.experiment, search.trainer.rows)
    for number in range(TRIALS):
        following = scheduler.next(number)
        assert isinstance(following, StartTrial)  # noqa: S101 - the space is not finite
        search.begin(number, following.values)
        search.train(number, 1)
    for number in sorted(search.curves, key=lambda number: search.curves[number][0])[:FINISHED]:
        if search.curves[number][0] < inf:
            search.train(number, EPOCHS)


def of_keras_tuner(kind: str, search: Search) -> None:
    """Search by an oracle of Keras Tuner; a trial that it promotes goes on with its optimizer, too."""
    from keras_tuner import HyperParameters, Objective, oracles

    space = HyperParameters()
    for parameter in search.experiment.parameters:
        given = parameter.distribution
        if parameter.options:
            space.Choice(parameter.name, list(parameter.options))
        else:
            low, high = given.arguments
            space.Float(parameter.name, low, high, sampling="log" if given.log else "linear")
    again = {"max_epochs": EPOCHS, "factor": 3, "hyperband_iterations": TRIALS}
    limits = again if kind == "HyperbandOracle" else {"max_trials": TRIALS}
    objective, seed = Objective("val_loss", "min"), search.experiment.spec.search.seed
    oracle = getattr(oracles, kind)(objective, hyperparameters=space, seed=seed, **limits)
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "search")  # noqa: SLF001 - as its tuner does
        _ask(search, oracle)


def _ask(search: Search, oracle: Any) -> None:
    """Train what an oracle asks for."""
    numbers: dict[str, int] = {}
    while not search.over and (trial := oracle.create_trial("tuner")).status == "RUNNING":
        values = trial.hyperparameters.values
        before = numbers.get(values.get("tuner/trial_id", ""))
        numbers[trial.trial_id] = number = len(search.curves) if before is None else before
        if before is None:
            search.begin(number, search.experiment.space.active(values))
        search.train(number, values.get("tuner/epochs", EPOCHS))
        value = min(*search.curves[number], search.trainer.chance)
        oracle.update_trial(trial.trial_id, {"val_loss": value})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)


Contestant = tuple[Callable[[Search], None], dict[str, Any]]

CONTESTANTS: dict[str, Contestant] = {
    "random": (by_scheduler, {"sampler": "random"}),
    "one epoch, the best 10 finished": (one_epoch, {"sampler": "random"}),
    "tpe": (by_scheduler, {"sampler": "tpe"}),
    "hierarchical_tpe": (by_scheduler, {"sampler": "hierarchical_tpe"}),
    "tpe, Optuna's Hyperband": (by_scheduler, {"sampler": "tpe", "pruner": "hyperband"}),
    "random, rungs": (by_scheduler, {"sampler": "random", "schedule": "rungs"}),
    "tpe, rungs": (by_scheduler, {"sampler": "tpe", "schedule": "rungs"}),
    "hierarchical_tpe, rungs": (by_scheduler, {"sampler": "hierarchical_tpe", "schedule": "rungs"}),
    "hierarchical_tpe, rungs from 3": (
        by_scheduler,
        {"sampler": "hierarchical_tpe", "schedule": {"rungs": {"min_epochs": 3}}},
    ),
    "Keras Tuner's Hyperband": (partial(of_keras_tuner, "HyperbandOracle"), {"sampler": "random"}),
    "Keras Tuner's BayesianOptimization": (
        partial(of_keras_tuner, "BayesianOptimizationOracle"),
        {"sampler": "random"},
    ),
}
"""Searches, each with the settings of the section `search` that it obeys."""


def measure(raw: dict[str, Any], tasks: list[str], contestants: list[str], seeds: int) -> None:
    """Measure what is missing; a seed after another, so that there is as much of each contestant."""
    for task in tasks:
        trainer = Trainer(task)
        for seed, name in product(range(seeds), contestants):
            rows = raw["tasks"].setdefault(task, {}).setdefault(name, [])
            if len(rows) == seed:
                run, settings = CONTESTANTS[name]
                search = Search(trainer, task, seed, WHOLE if name == "random" else MOST, **settings)
                run(search)
                rows.append(search.judged())
                raw["date"] = f"{datetime.now(UTC):%Y-%m-%d}"
                RESULTS.write_text(json.dumps(raw).replace("]]], ", "]]],\n") + "\n")


def main() -> None:
    """Measure what is missing and print the table."""
    import table

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--contestants", nargs="*", choices=list(CONTESTANTS), default=list(CONTESTANTS))
    options = parser.parse_args()
    raw = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"whole": WHOLE, "tasks": {}}
    measure(raw, options.tasks, options.contestants, options.seeds)
    print(table.search_training())


if __name__ == "__main__":
    main()
