"""Pruners decide as Optuna's do, on real studies and on any curves, and give the reason."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.trial import TrialState

from hpsearch.analysis import PrunedTrial, analyze, to_json
from hpsearch.scheduling.history import NAME
from hpsearch.scheduling.interface import Stop
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import StudySpec, load_study_file
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Ended, Event, Pruning, Reported, State
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.store.record import StudyRecord
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from support.commands import write_study
from support.progress import Silent

pytestmark = pytest.mark.slow

PRUNERS: dict[str, Any] = {
    "median": {"median": {"startup_trials": 3, "warmup_epochs": 1}},
    "successive_halving": {"successive_halving": {"min_epochs": 1, "reduction_factor": 2}},
    "hyperband": {"hyperband": {"min_epochs": 1, "reduction_factor": 3}},
}


def raw_study(pruner: str, **search: Any) -> dict[str, Any]:
    return {
        "name": pruner,
        "data": "sklearn:iris",
        "model": {"mlp": {"hidden": [8], "activation": "tanh"}},
        "training": {
            "optimizer": "sgd",
            "learning_rate": {"log_uniform": [1e-4, 3.0]},
            "epochs": 9,
            "batch_size": 40,
        },
        "confirm": "none",
        "search": {"trials": 24, "sampler": "random", "pruner": PRUNERS[pruner], **search},
    }


def studied(raw: dict[str, Any], directory: Path) -> tuple[StudyRecord, list[Event]]:
    write_study(directory / "study.yaml", raw)
    loaded = load_study_file(directory / "study.yaml")
    record = optimize(loaded, Options(out=directory, engine="in_process"), Silent())[1].record
    files = StudyFiles(directory, raw["name"])
    return record, TickLog(files.ticks, files.ticks_copy).read()


@pytest.fixture(scope="module", params=list(PRUNERS))
def study(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyRecord, list[Event]]:
    return studied(raw_study(request.param), tmp_path_factory.mktemp("reasons"))


def optuna_pruner(spec: StudySpec, epochs: int) -> BasePruner:
    """Make the pruner of Optuna that ours of the same name is held against."""
    settings: Any = spec.search.pruner
    if settings.name == "median":
        # Optuna judges at the step of this number already, and epochs count from 1.
        return optuna.pruners.MedianPruner(
            n_startup_trials=settings.startup_trials, n_warmup_steps=settings.warmup_epochs + 1
        )
    resources = {"min_resource": settings.min_epochs, "reduction_factor": settings.reduction_factor}
    if settings.name == "successive_halving":
        return optuna.pruners.SuccessiveHalvingPruner(**resources)
    return optuna.pruners.HyperbandPruner(max_resource=epochs, **resources)


class Decisions:
    """What Optuna's pruner decides of the events of a study, beside what ours decides."""

    def __init__(self, spec: StudySpec, epochs: int = 9) -> None:
        self.ours = SearchScheduler(SearchExperiment(spec), 100)
        self.study = optuna.create_study(
            study_name=NAME, direction=spec.search.direction, pruner=optuna_pruner(spec, epochs)
        )
        self.trials: dict[int, optuna.Trial] = {}

    def apply(self, event: Event) -> tuple[bool, Pruning | None] | None:
        """Take in an event; give whether Optuna prunes a trial that reported, and our reason."""
        self.ours.apply(event)
        number = event.number
        if isinstance(event, Asked):
            self.trials[number] = self.study.ask()
            assert self.trials[number].number == number
        elif isinstance(event, Ended):
            self._end(event)
        elif isinstance(event, Reported) and event.value is not None:
            self.trials[number].report(event.value, event.epoch)
            decision = self.ours.decide(number)
            reason = decision.pruning if isinstance(decision, Stop) else None
            return self.trials[number].should_prune(), reason
        return None

    def _end(self, event: Ended) -> None:
        if event.state == "pruned":
            self.study.tell(self.trials[event.number], state=TrialState.PRUNED)
        else:
            worst = math.inf if self.ours.history.minimize else -math.inf
            self.study.tell(self.trials[event.number], worst if event.value is None else event.value)


def test_a_real_study_is_decided_as_it_was(study: tuple[StudyRecord, list[Event]]) -> None:
    record, events = study
    ended = {trial.number: trial for trial in record.trials}
    seen = 0
    decisions = Decisions(record.spec)
    for event in events:
        decided = decisions.apply(event)
        if decided is None or not isinstance(event, Reported):
            continue
        prunes, reason = decided
        trial = ended[event.number]
        last = trial.epochs == event.epoch
        assert (reason is not None) == prunes
        if prunes and trial.state == "pruned":
            assert last
            assert trial.pruning == reason
            seen += 1
    pruned = [trial for trial in record.trials if trial.state == "pruned"]
    assert seen == len(pruned) >= 5


def test_the_cause_tells_the_reason(study: tuple[StudyRecord, list[Event]]) -> None:
    record, _ = study
    name = record.spec.search.pruner.name
    for trial in record.trials:
        if trial.state != "pruned":
            assert trial.pruning is None
            continue
        reason = trial.pruning
        assert reason is not None
        assert reason.value > reason.cutoff
        what = "the median of" if name == "median" else f"the cutoff of rung {reason.rung} among"
        trials = "1 trial" if reason.trials == 1 else f"{reason.trials} trials"
        assert trial.cause == (
            f"pruned by {name} at epoch {trial.epochs}: {reason.value:.4g} is worse than "
            f"{reason.cutoff:.4g}, {what} {trials}"
        )


def test_the_analysis_lists_the_reasons(study: tuple[StudyRecord, list[Event]]) -> None:
    record, _ = study
    analysis = analyze(record)
    assert analysis.pruned == tuple(
        PrunedTrial(trial.number, trial.epochs, trial.cause, trial.pruning)
        for trial in record.trials
        if trial.state == "pruned"
    )
    plain = json.loads(json.dumps(to_json(analysis), allow_nan=False))
    assert plain["pruned"][0]["pruning"]["cutoff"] == analysis.pruned[0].pruning.cutoff


def test_a_median_is_that_of_the_trials_that_had_ended(tmp_path: Path) -> None:
    """With one trial at a time the trials that had ended are those with smaller numbers."""
    record, _ = studied(raw_study("median", width=1, trials=14), tmp_path)
    checked = 0
    for trial in record.trials:
        if trial.pruning is not None:
            before = [
                t for t in record.trials[: trial.number] if t.state != "pruned" and t.epochs >= trial.epochs
            ]
            there = [t.history["val_loss"][trial.epochs - 1] for t in before]
            assert trial.pruning.cutoff == pytest.approx(np.median(there))
            assert trial.pruning.trials == len(there)
            assert trial.pruning.value == min(trial.history["val_loss"])
            checked += 1
    assert checked >= 2


@pytest.mark.parametrize("metric", ["val_loss", "accuracy"])
@pytest.mark.parametrize("pruner", PRUNERS)
def test_any_curves_in_any_order_are_decided_as_by_optuna(pruner: str, metric: str) -> None:
    draw = random.Random(f"{pruner}-{metric}")  # noqa: S311 - no secret
    spec = StudySpec.model_validate(raw_study(pruner, metric=metric))
    decisions = Decisions(spec)
    waiting, running = list(range(150)), dict[int, list[float]]()
    counts = {True: 0, False: 0}
    while waiting or running:
        while waiting and len(running) < 6:
            number = waiting.pop(0)
            decisions.apply(Asked(number, {"learning_rate": 0.1}))
            running[number] = []
        number = draw.choice(list(running))
        curve = running[number]
        # Few different values, so that some are equal.
        curve.append(round(draw.gauss(number % 7, 2.0), 1))
        decided = decisions.apply(Reported(number, len(curve), curve[-1], {}, 0.1))
        assert decided is not None
        pruned, reason = decided
        assert (reason is not None) == pruned
        counts[pruned] += 1
        if pruned or len(curve) == 9:
            best = min(curve) if metric == "val_loss" else max(curve)
            failed = draw.random() < 0.1
            state: State = "pruned" if pruned else "failed" if failed else "complete"
            decisions.apply(Ended(number, state, None if state == "failed" else best, 1, 1, 0.1, None))
            del running[number]
    assert min(counts.values()) > 30


def test_a_hyperband_that_never_prunes_has_no_reason() -> None:
    raw = raw_study("hyperband")
    raw["search"]["pruner"] = {"hyperband": {"min_epochs": 50}}
    spec = StudySpec.model_validate(raw)
    decisions = Decisions(spec)
    for number in range(3):
        decisions.apply(Asked(number, {"learning_rate": 0.1}))
        assert decisions.apply(Reported(number, 1, float(number), {}, 0.1)) == (False, None)
