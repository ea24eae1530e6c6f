"""Pruners, with made-up curves in place of training; and what the coordinator makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hpsearch.scheduling.interface import Stop
from hpsearch.scheduling.pruners import longest_run
from hpsearch.scheduling.schedulers import SearchScheduler
from hpsearch.spec import StudySpec, load_study_file
from hpsearch.spec.experiments import SearchExperiment
from hpsearch.store.events import Asked, Ended, Reported, State
from hpsearch.store.record import StudyRecord
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from support.commands import write_study
from support.progress import Silent


def spec_of(pruner: Any, metric: str = "val_loss", **training: Any) -> StudySpec:
    raw = {
        "name": "s",
        "data": "sklearn:iris",
        "model": {"mlp": {"hidden": [4], "dropout": {"uniform": [0.0, 0.5]}}},
        "training": training or {"epochs": 9},
        "search": {"pruner": pruner, "metric": metric, "sampler": "random"},
    }
    return StudySpec.model_validate(raw)


def lengths(pruner: Any, curves: Sequence[Sequence[float]], metric: str = "val_loss") -> list[int]:
    """Run trials with these curves one after another, and count the epochs of each."""
    spec = spec_of(pruner, metric)
    scheduler = SearchScheduler(SearchExperiment(spec), 100)
    counts = []
    for number, curve in enumerate(curves):
        scheduler.apply(Asked(number, {"dropout": 0.1}))
        state: State = "complete"
        epoch = 0
        for epoch, value in enumerate(curve, 1):
            scheduler.apply(Reported(number, epoch, value, {metric: value}, 0.1))
            if isinstance(scheduler.decide(number), Stop) and epoch < len(curve):
                state = "pruned"
                break
        seen = curve[:epoch]
        best = min(seen) if metric == "val_loss" else max(seen)
        scheduler.apply(Ended(number, state, best, epoch, 1, 0.1, None))
        counts.append(epoch)
    return counts


def falling(level: float, epochs: int = 9) -> list[float]:
    return [level + 1 / epoch for epoch in range(1, epochs + 1)]


class TestCurves:
    def test_none_prunes_nothing(self) -> None:
        assert lengths("none", [falling(1), falling(1), falling(100)]) == [9, 9, 9]

    def test_median(self) -> None:
        curves = [falling(level) for level in (1, 2, 3, 4, 5)] + [falling(9), falling(2.5), falling(9)]
        assert lengths({"median": {"startup_trials": 5}}, curves) == [9] * 5 + [1, 9, 1]

    def test_median_waits_for_its_trials_and_epochs(self) -> None:
        curves = [falling(level) for level in (1, 9, 2, 9)]
        assert lengths({"median": {"startup_trials": 3}}, curves) == [9, 9, 9, 1]
        warm = {"median": {"startup_trials": 3, "warmup_epochs": 4}}
        assert lengths(warm, curves)[3] == 5

    def test_a_bad_start_can_be_made_good(self) -> None:
        late = [9.0, *falling(0.1)[1:]]
        pruner = {"median": {"startup_trials": 2, "warmup_epochs": 1}}
        assert lengths(pruner, [falling(1), falling(1), late]) == [9, 9, 9]

    @pytest.mark.parametrize("pruner", ["successive_halving", "hyperband"])
    def test_halving_keeps_the_best_and_ends_the_rest(self, pruner: str) -> None:
        levels = [5, 3, 8, 9, 2, 7, 1, 6, 10, 4, 12, 11, 15, 13, 14, 16]
        counts = lengths(pruner, [falling(level) for level in levels])
        assert counts[levels.index(1)] == 9
        assert sum(count < 9 for count in counts) >= 8
        assert sum(counts) < 0.7 * 9 * len(levels)

    def test_halving_decides_at_its_rungs_only(self) -> None:
        levels = list(range(16))
        counts = lengths(
            {"successive_halving": {"min_epochs": 2, "reduction_factor": 2}},
            [falling(level) for level in levels],
        )
        assert set(counts) <= {2, 4, 8, 9}
        assert len(set(counts)) > 1

    def test_hyperband_has_brackets_that_wait_longer(self) -> None:
        counts = lengths(
            {"hyperband": {"min_epochs": 1, "reduction_factor": 3}}, [falling(n) for n in range(40)]
        )
        assert set(counts) == {1, 3, 9}

    def test_hyperband_with_a_minimum_beyond_the_run(self) -> None:
        assert lengths({"hyperband": {"min_epochs": 50}}, [falling(1), falling(9)]) == [9, 9]

    @pytest.mark.parametrize("pruner", [{"median": {"startup_trials": 2}}, "successive_halving", "hyperband"])
    def test_larger_is_better_for_a_score(self, pruner: Any) -> None:
        good, bad = [0.9] * 9, [0.1] * 9
        counts = lengths(pruner, [good, good, *[bad] * 6, *[good] * 6], "accuracy")
        assert counts[0] == 9
        assert min(counts[2:8]) < 9
        assert sum(counts[8:]) > sum(counts[2:8])


class TestLongestRun:
    @pytest.mark.parametrize(
        ("training", "epochs"),
        [
            ({"epochs": 7}, 7),
            ({"epochs": {"int": [3, 12]}}, 12),
            ({"epochs": {"choice": [3, {"int": [20, 25]}]}}, 25),
            ({"steps": 50, "batch_size": 10}, 5),
            ({"steps": 51, "batch_size": 10}, 6),
            ({"steps": {"int": [1, 100]}, "batch_size": {"choice": [10, 50]}}, 50),
        ],
    )
    def test_epochs(self, training: dict[str, Any], epochs: int) -> None:
        assert longest_run(spec_of("none", **training), 100) == epochs


class TestInAStudy:
    """Pruned trials keep their best epoch as their value, and never beat better ones."""

    @pytest.fixture(scope="class")
    def record(self, tmp_path_factory: pytest.TempPathFactory) -> StudyRecord:
        directory = tmp_path_factory.mktemp("pruned")
        rates = [0.05, 0.06, 1.0, 1e-4, 2.0]
        raw = {
            "name": "pruned",
            "data": "sklearn:iris",
            "model": {"mlp": {"hidden": [8], "activation": "tanh"}},
            "training": {
                "optimizer": "sgd",
                "learning_rate": {"log_uniform": [1e-4, 2.0]},
                "epochs": 8,
                "batch_size": 16,
            },
            "search": {
                "trials": 5,
                "sampler": "random",
                "pruner": {"median": {"startup_trials": 2, "warmup_epochs": 2}},
                "enqueue": [{"learning_rate": rate} for rate in rates],
            },
        }
        write_study(directory / "study.yaml", raw)
        loaded = load_study_file(directory / "study.yaml")
        return optimize(loaded, Options(out=directory, engine="in_process"), Silent())[1].record

    @pytest.mark.slow
    def test_bad_trials_end_early(self, record: StudyRecord) -> None:
        slow = next(trial for trial in record.trials if trial.parameters["learning_rate"] == 1e-4)
        assert slow.state == "pruned"
        assert slow.epochs == 3
        assert slow.pruning is not None
        before = [trial.history["val_loss"][2] for trial in record.trials[: slow.number] if trial.epochs >= 3]
        before = [
            value for value, trial in zip(before, record.trials, strict=False) if trial.state == "complete"
        ]
        told = f"{slow.value:.4g} is worse than {slow.pruning.cutoff:.4g}, the median of {len(before)} trials"
        assert slow.cause == f"pruned by median at epoch 3: {told}"

    def test_the_value_is_that_of_the_best_epoch(self, record: StudyRecord) -> None:
        pruned = [trial for trial in record.trials if trial.state == "pruned"]
        worse_in_the_end = 0
        for trial in pruned:
            curve = [value for value in trial.history["val_loss"] if value is not None]
            assert len(curve) == trial.epochs
            assert trial.value == min(curve)
            assert trial.best_epoch == curve.index(min(curve)) + 1
            worse_in_the_end += curve[-1] > min(curve)
        assert worse_in_the_end, "no pruned trial had an earlier best epoch"

    def test_the_best_trial_was_not_pruned(self, record: StudyRecord) -> None:
        assert record.best is not None
        assert record.best.state == "complete"
        assert record.best.value == min(trial.value for trial in record.trials if trial.value is not None)
