"""Why a trial was pruned: what is computed again decides as Optuna's pruner did, on real studies too."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commands import write_study
from hpsearch.analysis import PrunedTrial, analyze, to_json
from hpsearch.display import Display
from hpsearch.pruners import Judge, longest_run
from hpsearch.running import RunningTrial
from hpsearch.samplers import Experience
from hpsearch.search import Options, optimize
from hpsearch.search_space import SearchSpace
from hpsearch.spec import StudySpec, load_study_file
from hpsearch.store.files import StudyFiles
from hpsearch.store.record import Pruning, StudyRecord, TrialRecord
from hpsearch.store.ticks import Event, TickLog

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


class Silent(Display):
    def ended(self, record: TrialRecord, best: TrialRecord | None, finished: int) -> None:
        pass

    def advanced(self, running: list[RunningTrial]) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def studied(raw: dict[str, Any], directory: Path) -> tuple[StudyRecord, list[Event]]:
    write_study(directory / "study.yaml", raw)
    loaded = load_study_file(directory / "study.yaml")
    record = optimize(loaded, Options(out=directory, engine="in_process"), Silent())[1]
    files = StudyFiles(directory, raw["name"])
    return record, TickLog(files.ticks, files.ticks_copy).read()


@pytest.fixture(scope="module", params=list(PRUNERS))
def study(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyRecord, list[Event]]:
    return studied(raw_study(request.param), tmp_path_factory.mktemp("reasons"))


def decisions(spec: StudySpec, events: list[Event]) -> Iterator[tuple[Event, bool, Pruning | None]]:
    """Go through the events of a study: at each report, what Optuna's pruner says, and our reason."""
    experience = Experience(spec.search, SearchSpace(spec).parameters)
    judge = Judge(spec.search.pruner, longest_run(spec, 100), experience)
    for event in events:
        number = event["number"]
        if event["kind"] == "ask":
            experience.begin(number)
            experience.put(number, event["values"])
        elif event["kind"] == "end":
            experience.tell(number, event["state"], event["value"])
        elif event["value"] is not None:
            experience.report(number, event["epoch"], event["value"])
            yield event, judge.prunes(number), judge.reason(number)


def test_a_real_study_is_decided_as_it_was(study: tuple[StudyRecord, list[Event]]) -> None:
    record, events = study
    ended = {trial.number: trial for trial in record.trials}
    seen = 0
    for event, prunes, reason in decisions(record.spec, events):
        trial = ended[event["number"]]
        last = trial.epochs == event["epoch"]
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
    experience = Experience(spec.search, SearchSpace(spec).parameters)
    judge = Judge(spec.search.pruner, longest_run(spec, 100), experience)
    waiting, running = list(range(150)), dict[int, list[float]]()
    counts = {True: 0, False: 0}
    while waiting or running:
        while waiting and len(running) < 6:
            number = waiting.pop(0)
            experience.begin(number)
            experience.put(number, {"learning_rate": 0.1})
            running[number] = []
        number = draw.choice(list(running))
        curve = running[number]
        # Few different values, so that some are equal.
        curve.append(round(draw.gauss(number % 7, 2.0), 1))
        experience.report(number, len(curve), curve[-1])
        pruned, reason = judge.prunes(number), judge.reason(number)
        assert (reason is not None) == pruned
        counts[pruned] += 1
        if pruned or len(curve) == 9:
            best = min(curve) if metric == "val_loss" else max(curve)
            failed = draw.random() < 0.1
            experience.tell(number, "pruned" if pruned else "failed" if failed else "complete", best)
            del running[number]
    assert min(counts.values()) > 30


def test_a_hyperband_that_never_prunes_has_no_reason() -> None:
    raw = raw_study("hyperband")
    raw["search"]["pruner"] = {"hyperband": {"min_epochs": 50}}
    spec = StudySpec.model_validate(raw)
    experience = Experience(spec.search, SearchSpace(spec).parameters)
    judge = Judge(spec.search.pruner, 9, experience)
    for number in range(3):
        experience.begin(number)
        experience.report(number, 1, float(number))
        assert not judge.prunes(number)
        assert judge.reason(number) is None
