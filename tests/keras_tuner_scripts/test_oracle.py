"""Our sampler and pruner behind Keras Tuner's own tuner, whose trials train nothing here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

keras_tuner = pytest.importorskip("keras_tuner")

from hpsearch.exceptions import UnsupportedError  # noqa: E402 - after what may be missing
from hpsearch.keras_tuner import Oracle  # noqa: E402
from hpsearch.keras_tuner.space import hyperparameters_of  # noqa: E402

EPOCHS = 4


class Tuner(keras_tuner.Tuner):  # type: ignore[misc]
    """Trains by a formula; what it asks for later in a study is met on the way."""

    trained: list[tuple[dict[str, Any], int]]

    def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
        hp = trial.hyperparameters
        distance = abs(hp.Float("x", -4.0, 4.0) - 1.0)
        if hp.Boolean("shifted"):
            with hp.conditional_scope("shifted", [True]):
                distance += hp.Int("by", 1, 3)
        values, best = [], float("inf")
        for epoch in range(EPOCHS):
            values.append(distance + 1 / (epoch + 1))
            self.trained.append((dict(hp.values), epoch))
            if self.oracle.objective.has_value({"score": values[-1]}):
                best = min(best, values[-1])
        return {"score": best}


def tuner(directory: Path, trials: int, pruner: Any = "none") -> Tuner:
    objective = keras_tuner.Objective("score", "min")
    oracle = Oracle(
        objective,
        max_trials=trials,
        seed=3,
        pruner=pruner,
        max_epochs=EPOCHS,
        sampler={"tpe": {"startup_trials": 3}},
    )
    found = Tuner(oracle=oracle, directory=directory, project_name="a")
    found.trained = []
    oracle.verbose = 0
    return found


def tried(found: Tuner) -> list[tuple[dict[str, Any], float]]:
    trials = sorted((int(number), trial) for number, trial in found.oracle.trials.items())
    return [(trial.hyperparameters.values, trial.score) for _, trial in trials]


@pytest.mark.slow
def test_a_study_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole, first = tuner(tmp_path / "whole", 12), tuner(tmp_path / "parts", 5)
    whole.search()
    first.search()
    rest = tuner(tmp_path / "parts", 12)
    rest.search()
    assert tried(rest) == tried(whole)
    assert len({str(values) for values, _ in tried(whole)}) == 12
    assert any("by" in values for values, _ in tried(whole))
    assert min(score for _, score in tried(whole)) < 1.5
    study = optuna.load_study(study_name="a", storage=f"sqlite:///{tmp_path}/parts/a/study.db")
    assert [trial.value for trial in study.trials] == pytest.approx([score for _, score in tried(rest)])


@pytest.mark.slow
def test_a_pruner_ends_trials_that_keep_the_value_of_their_best_epoch(tmp_path: Path) -> None:
    found = tuner(tmp_path, 12, {"median": {"startup_trials": 3}})
    found.search()
    assert len(found.trained) < 12 * EPOCHS
    assert len(tried(found)) == 12
    assert all(score is not None for _, score in tried(found))
    study = optuna.load_study(study_name="a", storage=f"sqlite:///{tmp_path}/a/study.db")
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


def test_hyperparameters_are_those_of_their_objects() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b"], default="b")
    with hp.conditional_scope("kind", ["b"]):
        hp.Float("rate", 1e-3, 1e-1, sampling="log")
        hp.Fixed("one", 1)
    assert [one.dump() for one in hyperparameters_of(hp.space)] == [
        {"name": "kind", "value": {"choice": ["a", "b"]}, "default": "b"},
        {"name": "rate", "value": {"log_uniform": [1e-3, 1e-1]}, "default": 1e-3, "when": {"kind": ["b"]}},
        {"name": "one", "value": 1, "default": 1, "when": {"kind": ["b"]}},
    ]


def test_several_objectives_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="expected one; found several"):
        Oracle([keras_tuner.Objective("a", "min"), keras_tuner.Objective("b", "max")])
