"""A finding about the trials of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hpsearch.analysis.probe import compact
from hpsearch.spec.space.parameter import Value
from hpsearch.store.record import TrialRecord

Kind = Literal[
    "diverged",
    "exploding loss",
    "failed",
    "did not learn",
    "overfitting",
    "underfitting",
    "budget too short",
    "edge of the range",
    "never tried",
    "vanishing gradient",
    "exploding gradient",
    "dead units",
    "saturation",
    "collapsed batch norm",
    "clipping always active",
    "clipping never active",
]


@dataclass(frozen=True)
class StudyFinding:
    """What was found, in a sentence, with its evidence in numbers and the numbers of the trials.

    `trials` is empty where the finding is about the study file rather than about trials.
    """

    kind: Kind
    sentence: str
    trials: tuple[int, ...] = ()
    evidence: Mapping[str, Value] = field(default_factory=dict)


def spoken(number: float) -> str:
    """Write a number of a sentence with three significant digits."""
    return compact(number, 3)


def counted(trials: Sequence[TrialRecord], verb: str = "", verbs: str = "") -> str:
    """Begin a sentence: `1 trial overfits`, `12 trials overfit`; with one trial `verb`, with more `verbs`."""
    count = len(trials)
    told = f"1 trial {verb}" if count == 1 else f"{count:,} trials {verbs or verb}"
    return told.rstrip()


def numbers_of(trials: Sequence[TrialRecord]) -> tuple[int, ...]:
    """List the numbers of trials in their order."""
    return tuple(sorted(trial.number for trial in trials))


def learning_rates(trials: Sequence[TrialRecord]) -> str:
    """Name the learning rate of trials, or the range of theirs."""
    rates = sorted({trial.configuration.training.learning_rate for trial in trials})
    if len(rates) == 1:
        return f"a learning rate of {spoken(rates[0])}"
    return f"learning rates from {spoken(rates[0])} to {spoken(rates[-1])}"
