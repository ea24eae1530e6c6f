"""The axes and values that the script of the page draws and filters by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from markupsafe import Markup

from hpsearch.analysis import Analysis, RankedTrial
from hpsearch.analysis.curves import evenly
from hpsearch.report.figures import fit_curves
from hpsearch.report.words.numbers import short
from hpsearch.spec import Numeric
from hpsearch.spec.space.parameter import Parameter, Value

MOST_ROWS = 2_000
"""Trials that the page lists and draws; of more, the best half of it and an even sample of the rest."""

_ESCAPED = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}


@dataclass(frozen=True)
class Axis:
    """One axis: a number between its ends, or one of some options.

    `absent` says what it means that a trial has no value there; it is None where every trial has one.
    """

    name: str
    kind: Literal["number", "choice"]
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    integer: bool = False
    options: tuple[str, ...] = ()
    absent: str | None = None


@dataclass(frozen=True)
class Parallel:
    """The axes from left to right, and for each the values of the listed trials.

    The value of a choice is the place of its option. `numbers` are those of the trials.
    """

    axes: tuple[Axis, ...]
    values: tuple[tuple[float | None, ...], ...]
    numbers: tuple[int, ...]

    @property
    def data(self) -> Markup:
        """Return all as JSON that may stand inside a script element, whatever the names contain."""
        fields: dict[str, Any] = {**asdict(self), "axes": [asdict(axis) for axis in self.axes]}
        text = json.dumps(fields, separators=(",", ":"), allow_nan=False)
        return Markup(text.translate(_ESCAPED))  # noqa: S704 - no letter is left that HTML knows


def listed_trials(analysis: Analysis) -> list[RankedTrial]:
    """Choose the trials that the page lists, in their order."""
    if len(analysis.ranking) <= MOST_ROWS:
        return list(analysis.ranking)
    best = MOST_ROWS // 2
    return [*analysis.ranking[:best], *evenly(analysis.ranking[best:], MOST_ROWS - best)]


def names_in_order(analysis: Analysis) -> list[str]:
    """List the searched parameters, the most important first."""
    shares = {row.name: row.share or 0.0 for row in analysis.importance.parameters}
    return sorted((one.name for one in analysis.searched), key=lambda name: -shares.get(name, 0.0))


def parallel_of(analysis: Analysis, parameters: Sequence[Parameter]) -> Parallel | None:
    """Lay the listed trials out on axes: the metric, every searched parameter, how it ended.

    None where nothing was searched, or where fewer than two trials ended.
    """
    trials, known = listed_trials(analysis), {one.name: one for one in parameters}
    if len(trials) < 2 or not parameters:
        return None
    searched = [_searched(known[name], trials) for name in names_in_order(analysis)]
    axes, values = zip(_metric(analysis, trials), *searched, _state(trials), strict=True)
    return Parallel(axes, values, tuple(trial.number for trial in trials))


_Drawn = tuple[Axis, tuple[float | None, ...]]


def _searched(parameter: Parameter, trials: Sequence[RankedTrial]) -> _Drawn:
    values = [trial.parameters.get(parameter.name) for trial in trials]
    absent = "not active" if None in values else None
    if isinstance(parameter.distribution, Numeric):
        return _numeric(parameter.name, parameter.distribution, values, absent)
    places = {str(option): place for place, option in enumerate(parameter.options)}
    axis = Axis(parameter.name, "choice", options=tuple(map(short, parameter.options)), absent=absent)
    return axis, tuple(None if value is None else places[str(value)] for value in values)


def _numeric(name: str, searched: Numeric, values: Sequence[Value | None], absent: str | None) -> _Drawn:
    """Make an axis of the searched range; configurations that were tried first may lie outside of it."""
    numbers = tuple(None if value is None else float(value) for value in values)
    ends = [searched.low, searched.high, *(number for number in numbers if number is not None)]
    log = searched.log and min(ends) > 0
    return Axis(name, "number", min(ends), max(ends), log, searched.integer, absent=absent), numbers


def _state(trials: Sequence[RankedTrial]) -> _Drawn:
    known = ("complete", "pruned", "infeasible", "failed")
    options = [state for state in known if any(t.state == state for t in trials)]
    return Axis("state", "choice", options=tuple(options)), tuple(options.index(t.state) for t in trials)


def _metric(analysis: Analysis, trials: Sequence[RankedTrial]) -> _Drawn:
    values = tuple(trial.value for trial in trials)
    known = [value for value in values if value is not None]
    if not known:
        return Axis(analysis.metric, "number", absent="no value"), values
    scale = fit_curves(known, minimize=analysis.minimize)
    absent = "no value" if None in values else None
    return Axis(analysis.metric, "number", scale.low, scale.high, scale.log, absent=absent), values
