"""How the result depends on each parameter by itself, with an interval.

The effect is the partial dependence of a random forest (Friedman, Annals of Statistics 29, 2001, section
8.2): the expected place of a trial among all, 0 the best and 1 the worst, when the parameter is set to a
level and everything else is as in the trials where it is active. The interval is the spread over forests
that were grown on resamples of the trials; it does not contain that forests, like all averages, draw
extremes inwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.analysis.influence.columns import ParameterColumn, to_number, to_value
from hpsearch.analysis.influence.forests import Design, Question
from hpsearch.analysis.influence.importance import interval
from hpsearch.analysis.influence.outcomes import Outcomes
from hpsearch.analysis.searched import condition_of
from hpsearch.spec import Numeric
from hpsearch.spec.space.parameter import Value

LEVELS = 13
BACKGROUND = 100
FEWEST_ACTIVE = 10

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """What is expected at one value of a parameter.

    `place` is the expected place among all trials, 0 the best and 1 the worst, with its interval; `metric`,
    `metric_low` and `metric_high` are the metric that completed trials have at these places, None beyond the
    worst of them. `trials` counts the trials to whose value no other level is nearer.
    """

    at: Value
    place: float
    low: float
    high: float
    metric: float | None
    metric_low: float | None
    metric_high: float | None
    trials: int


@dataclass(frozen=True)
class Effect:
    """The effect of one parameter: its levels in their order, none where it was active in too few trials.

    `log` tells that the levels are evenly spaced in the logarithm, `ordered` that they are numbers.
    """

    name: str
    condition: str
    trials: int
    ordered: bool
    log: bool
    levels: tuple[Level, ...]

    @property
    def best(self) -> Level | None:
        """Return the level with the best expected place."""
        return min(self.levels, key=lambda level: level.place, default=None)

    @property
    def worse(self) -> tuple[Level, ...]:
        """List the levels that are certainly worse than the best: their intervals do not overlap with its."""
        best = self.best
        return () if best is None else tuple(level for level in self.levels if level.low > best.high)


def level_numbers(column: ParameterColumn) -> Numbers:
    """Return the numbers of the levels of a parameter: all tried options, or values evenly over the range."""
    if not isinstance(column.parameter.distribution, Numeric):
        return np.unique(column.numbers[column.active])
    even = np.linspace(*column.ends, LEVELS)
    # Where values have steps, some levels fall together.
    values = [to_number(column.parameter, to_value(column.parameter, number)) for number in even]
    return np.unique(values)


def effect_questions(
    columns: Sequence[ParameterColumn], design: Design, random: np.random.Generator
) -> dict[int, Question]:
    """Ask for the effect of each parameter that was active in enough trials, by the index of its column."""
    questions = {}
    for index, column in enumerate(columns):
        active = np.flatnonzero(column.active)
        if len(active) >= FEWEST_ACTIVE:
            points = design.code(index, level_numbers(column))[:, None]
            questions[index] = Question(design.rows[few_of(active, random)], (index,), points)
    return questions


def few_of(indices: NDArray[np.int64], random: np.random.Generator, limit: int = BACKGROUND) -> Any:
    """Draw at most `limit` of some indices."""
    return indices if len(indices) <= limit else random.choice(indices, limit, replace=False)


def effect_of(column: ParameterColumn, answers: Numbers | None, outcomes: Outcomes) -> Effect:
    """Make the effect of a parameter from what the forests of the resamples answered."""
    distribution = column.parameter.distribution
    ordered = isinstance(distribution, Numeric)
    return Effect(
        name=column.parameter.name,
        condition=condition_of(column.parameter),
        trials=int(column.active.sum()),
        ordered=ordered,
        log=isinstance(distribution, Numeric) and distribution.log,
        levels=() if answers is None else _levels(column, answers, outcomes),
    )


def _levels(column: ParameterColumn, answers: Numbers, outcomes: Outcomes) -> tuple[Level, ...]:
    numbers = level_numbers(column)
    places = answers.mean(axis=0)
    lows, highs = interval(answers, places)
    metrics = [outcomes.metric_at(part) for part in (places, lows, highs)]
    nearest = np.abs(column.numbers[column.active][:, None] - numbers).argmin(axis=1)
    counts = np.bincount(nearest, minlength=len(numbers))
    values = [to_value(column.parameter, number) for number in numbers]
    plain = (values, places.tolist(), lows.tolist(), highs.tolist(), *metrics, counts.tolist())
    return tuple(Level(*row) for row in zip(*plain, strict=True))
