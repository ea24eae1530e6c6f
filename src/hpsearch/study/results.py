"""What a study found, as plain frozen values: its trials, and what is best."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from hpsearch.analysis import ComparisonResult, compare
from hpsearch.engines.process.imports import choose_backend
from hpsearch.exceptions import StudyNotFoundError
from hpsearch.scheduling.conclusion import Conclusion
from hpsearch.scheduling.racing.estimates import Estimate
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import Curve, StudyRecord, TrialRecord
from hpsearch.store.trials_table import trial_row
from hpsearch.study.tables import Tabular

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Trial:
    """One configuration as it was trained, in the words of `hpsearch trials --format json`.

    `value` is the metric at `best_epoch` (from 1), None where there is none; `cause` says why a trial failed
    or was pruned, `origin` where its values come from, None where the sampler suggested them. `configuration`
    is what the study file would say; `history` maps metrics to their curves. `metrics` holds those beside the
    study's own, at `best_epoch` too.
    """

    number: int
    state: str
    value: float | None
    parameters: Mapping[str, Value]
    epochs: int
    best_epoch: int | None
    seconds: float
    seed: int
    cause: str | None
    origin: str | None
    configuration: Mapping[str, Any]
    history: Mapping[str, Curve]
    _record: StudyRecord = field(repr=False, compare=False)
    metrics: Mapping[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, trial: TrialRecord, record: StudyRecord) -> Trial:
        """Return a trial of a record, with the metrics beside the study's own."""
        return cls(
            **trial_row(trial, record.spec.search.further),
            configuration=trial.configuration.dump(),
            history=trial.history,
            _record=record,
        )

    def _repr_html_(self) -> str:
        """Show in a notebook how it ended, its values, and how it learned."""
        from hpsearch.report.html.document import render
        from hpsearch.report.html.excerpts import excerpt_of_trial

        return render(excerpt_of_trial(self._record.trial(self.number), self._record))


class Compared(ComparisonResult):
    """The results of a comparison, as a notebook shows them."""

    @classmethod
    def of(cls, record: StudyRecord) -> Compared:
        """Judge a comparison by its record."""
        found = compare(record)
        return cls(**{one.name: getattr(found, one.name) for one in fields(found)})

    def _repr_html_(self) -> str:
        """Show in a notebook the answer, the means of the arms, and how they learned."""
        from hpsearch.report.html.document import render
        from hpsearch.report.html.excerpts import excerpt_of_comparison

        return render(excerpt_of_comparison(self, page=None))


class Trials(Tabular, Sequence[Trial]):
    """The trials of a study, by number; `columns`, `to_arrow` and `to_pandas` give them as a table."""

    def __init__(self, record: StudyRecord) -> None:
        self._trials = tuple(Trial.of(trial, record) for trial in record.trials)
        self._further = record.spec.search.further
        self._parameters = [parameter.name for parameter in record.parameters]

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | Sequence[Trial]:
        return self._trials[index]

    def __repr__(self) -> str:
        return f"<{len(self)} trials>"

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns of `trials.csv`: those of a trial, and one for each parameter."""
        fixed = ("number", "state", "value", "epochs", "best_epoch", "seconds", "seed", "cause", "origin")
        table = {name: [getattr(trial, name) for trial in self] for name in fixed}
        measured = {f"metrics.{name}": [trial.metrics.get(name) for trial in self] for name in self._further}
        searched = {
            f"parameters.{name}": [trial.parameters.get(name) for trial in self] for name in self._parameters
        }
        return {**table, **measured, **searched}


@dataclass(frozen=True)
class Best:
    """The winner of a study: the confirmed one, or where nothing was confirmed the best trial of the search.

    `value` is the trial's own in the search. `cross_validated_score` is that of the confirmation, each seed
    with the finalist that is best on the other seeds; `mean` is over all seeds of the winner itself, and
    optimistic, because they chose it. Both have a 95 % interval, and are None where nothing was confirmed or
    the replicates are too few. `tied` lists the trials that cannot be told apart from the winner, itself
    among them. `path` is that of its model.
    """

    trial: int
    value: float
    configuration: Mapping[str, Any]
    parameters: Mapping[str, Value]
    cross_validated_score: float | None
    cross_validated_interval: tuple[float, float] | None
    mean: float | None
    mean_interval: tuple[float, float] | None
    tied: tuple[int, ...]
    path: Path

    def model(self) -> keras.Model:
        """Load the model, which takes raw rows.

        Keras runs on the backend that it runs on already, or that KERAS_BACKEND names, or else on JAX.

        Raises:
            StudyNotFoundError: It has not been saved yet.
            ModelError: The file is not what a study saves.
        """
        if not self.path.exists():
            raise StudyNotFoundError(f"there is no {self.path} yet: it is saved when the search ends")
        return loaded(self.path)


def loaded(path: Path) -> keras.Model:
    """Load a saved model, on the backend on which Keras runs, or will: see `Best.model`."""
    if "keras" not in sys.modules:
        choose_backend(os.environ.get("KERAS_BACKEND", "jax"))
    from hpsearch.models.saved import load_stock

    return load_stock(path)


def best_result(conclusion: Conclusion, path: Path) -> Best | None:
    """Return what is best in a search; None where no trial has a value."""
    trial, verdict = conclusion.best.trial, conclusion.verdict
    if trial is None or trial.value is None:
        return None
    standings = () if verdict is None else verdict.conclusion.standings
    score = None if verdict is None else verdict.conclusion.cross_validated_score
    own = None if verdict is None else verdict.conclusion.mean
    return Best(
        trial=trial.number,
        value=trial.value,
        configuration=trial.configuration.dump(),
        parameters=dict(trial.parameters),
        cross_validated_score=None if score is None else score.mean,
        cross_validated_interval=_interval(score),
        mean=None if own is None else own.mean,
        mean_interval=_interval(own),
        tied=tuple(int(one.name.removeprefix("trial ")) for one in standings if one.tied) or (trial.number,),
        path=path,
    )


def _interval(estimate: Estimate | None) -> tuple[float, float] | None:
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    return estimate.low, estimate.high
