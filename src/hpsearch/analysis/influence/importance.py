"""Which parameters decided whether a trial was among the best, and how sure that is.

The shares are PED-ANOVA's (see `ped_anova`) or, where asked for, fANOVA's (see `fanova`). PED-ANOVA asks of a
trial only whether it is among the best tenth, so the pruned and the failed ones take part in it: a failure is
worse than any value, and for a pruned trial the place among its equals at its last epoch is enough.

The interval of a share holds the middle 90 % of the shares over resamples of the trials: Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3. A resample repeats trials and so finds a
little more structure than there is; where the share itself lies outside, the interval is stretched to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hpsearch.analysis.influence.columns import ParameterColumn, columns_of
from hpsearch.analysis.influence.outcomes import Outcomes, order_outcomes
from hpsearch.analysis.influence.ped_anova import TOP, GridCells, best_of, cells_of, divergences
from hpsearch.analysis.searched import condition_of
from hpsearch.seeds import derive
from hpsearch.store.record import StudyRecord

Method = Literal["ped_anova", "fanova"]
Numbers = NDArray[np.float64]

FEWEST_TRIALS = 10
FEWEST_BEST = 5
"""Optuna's own advice on how many trials the best tenth should hold."""

FEWEST_ACTIVE = 10
"""Trials in which a parameter has to have a value before anything is said of it."""

FEWEST_ACTIVE_BEST = 3
"""Of the best trials, those in which a parameter has to have a value, unless it has one in none or in all."""

RESAMPLES = 200
LEVEL = 0.9


@dataclass(frozen=True)
class ParameterImportance:
    """The share of one parameter in all importance, and the number of trials in which it was active.

    `low` and `high` are the ends of the interval of the share, None where the method gives none. `share` is
    None where the parameter was active in no trial that was looked at, or where the method cannot judge it.
    `doubt` says why a share rests on too little to be told to people.
    """

    name: str
    share: float | None
    condition: str
    trials: int
    low: float | None = None
    high: float | None = None
    doubt: str | None = None

    @property
    def told(self) -> float | None:
        """Return the share where enough speaks for it."""
        return self.share if self.doubt is None else None


@dataclass(frozen=True)
class Importance:
    """Parameters with the largest share first, or the reason why nothing can be said.

    `trials` counts the trials that were looked at, `pruned` and `failed` those among them. `caution` says
    why the numbers are rougher than usual. `resamples` is 0 where there are no intervals; `level` is what
    share of the resamples an interval holds.
    """

    trials: int
    parameters: tuple[ParameterImportance, ...] = ()
    reason: str | None = None
    method: Method = "ped_anova"
    pruned: int = 0
    failed: int = 0
    resamples: int = 0
    level: float = LEVEL
    caution: str | None = None

    @property
    def told(self) -> tuple[ParameterImportance, ...]:
        """List the parameters of which enough is known, none where the best tenth is too few trials."""
        return () if self.caution is not None else tuple(p for p in self.parameters if p.told is not None)


def judge_importance(record: StudyRecord) -> Importance:
    """Judge the importance of each searched parameter over the finished trials by PED-ANOVA."""
    outcomes = order_outcomes(record)
    reason = reason_against(record, outcomes)
    if reason is not None:
        return Importance(len(outcomes.trials), reason=reason)
    columns = columns_of(record.parameters, outcomes.trials)
    shares, resampled = _shares(record, columns, outcomes)
    if shares is None:
        return Importance(len(outcomes.trials), reason="No searched parameter took more than one value.")
    lows, highs = interval(resampled, shares)
    best = best_of(outcomes.places)
    return Importance(
        trials=len(outcomes.trials),
        parameters=in_order([_row(best, *row) for row in zip(columns, shares, lows, highs, strict=True)]),
        pruned=outcomes.pruned,
        failed=outcomes.failed,
        resamples=len(resampled),
        caution=_caution(len(outcomes.trials)),
    )


def reason_against(record: StudyRecord, outcomes: Outcomes) -> str | None:
    """Say why nothing can be said about the parameters; None where something can."""
    if not record.parameters:
        return "This study searches nothing, so there is no importance to compute."
    completed = outcomes.completed
    if len(completed) < FEWEST_TRIALS:
        return (
            f"Too few trials: importance and effects need at least {FEWEST_TRIALS} completed trials with a "
            f"finite value, and there {'is' if len(completed) == 1 else 'are'} {len(completed)}."
        )
    if len(set(outcomes.places.tolist())) == 1:
        return "All completed trials have the same value, so no parameter made a difference."
    return None


def _caution(trials: int) -> str | None:
    best = int(np.ceil(TOP * trials))
    if best >= FEWEST_BEST:
        return None
    held = "one trial" if best == 1 else f"{best} trials"
    return (
        f"The best 10 % are {held}: with fewer than {FEWEST_BEST} of them, after which "
        f"{round(FEWEST_BEST / TOP)} trials are needed, treat the order of the parameters as a hint only."
    )


def _shares(
    record: StudyRecord, columns: Sequence[ParameterColumn], outcomes: Outcomes
) -> tuple[Numbers | None, Numbers]:
    """Return the shares over all trials, and over each resample in which trials differ."""
    cells = [cells_of(column) for column in columns]
    everything = np.arange(len(outcomes.trials))
    shares = _share(cells, outcomes.places, everything)
    if shares is None:
        return None, np.empty((0, len(cells)))
    random = np.random.default_rng(derive(record.spec.search.seed, "importance"))
    samples = (random.integers(len(everything), size=len(everything)) for _ in range(RESAMPLES))
    resampled = (_share(cells, outcomes.places, sample) for sample in samples)
    return shares, np.array([found for found in resampled if found is not None]).reshape(-1, len(cells))


def _share(cells: Sequence[GridCells], places: Numbers, chosen: NDArray[np.int64]) -> Numbers | None:
    found = divergences(cells, places, chosen)
    total = found.sum()
    return found / total if total > 0 else None


def interval(resampled: Numbers, estimates: Numbers) -> tuple[Numbers, Numbers]:
    """Return the middle `LEVEL` of resampled numbers, a row for each resample, stretched to the estimates."""
    if not len(resampled):
        return estimates, estimates
    lows, highs = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return np.minimum(lows, estimates), np.maximum(highs, estimates)


def _row(
    best: NDArray[np.bool_], column: ParameterColumn, share: float, low: float, high: float
) -> ParameterImportance:
    name, condition = column.parameter.name, condition_of(column.parameter)
    active = int(column.active.sum())
    if not active:
        return ParameterImportance(name, None, condition, 0)
    numbers = (float(share), condition, active, float(low), float(high))
    return ParameterImportance(name, *numbers, _doubt(column, best))


def _doubt(column: ParameterColumn, best: NDArray[np.bool_]) -> str | None:
    """Say why what is found of a parameter rests on too little; None where it does not."""
    active, best_active, of = int(column.active.sum()), int((column.active & best).sum()), int(best.sum())
    if active < FEWEST_ACTIVE:
        return f"it was active in {active} {'trial' if active == 1 else 'trials'} only"
    if len(np.unique(column.numbers[column.active])) < 2:
        return "it had the same value in every trial"
    if 0 < best_active < min(FEWEST_ACTIVE_BEST, of):
        return f"it was active in {best_active} of the {of} best trials only"
    return None


def in_order(rows: Sequence[ParameterImportance]) -> tuple[ParameterImportance, ...]:
    """Sort rows by their share, the largest first, those without one last."""
    return tuple(sorted(rows, key=lambda row: -1.0 if row.share is None else row.share, reverse=True))
