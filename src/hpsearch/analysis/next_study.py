"""What to search next: ranges widened where the best values lie at a border, narrowed where others are worse.

A range is changed only on evidence of two kinds: the forests' effect (see `effects`), some of whose levels
are certainly worse than its best one, and the best trials themselves. Where they are few or disagree nothing
is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, floor, isclose, log10
from typing import Literal

import numpy as np
from pydantic import ValidationError

from hpsearch.analysis.influence.columns import ParameterColumn, columns_of, to_number
from hpsearch.analysis.influence.effects import Effect
from hpsearch.analysis.influence.influence import Effects
from hpsearch.analysis.influence.outcomes import order_outcomes
from hpsearch.spec import Choice, Distribution, Numeric, StudySpec
from hpsearch.spec.sections.study import name_with
from hpsearch.spec.space.parameter import Parameter
from hpsearch.spec.study_file.editing import replace_distribution
from hpsearch.store.record import StudyRecord, TrialRecord

FEWEST_TRIALS = 40
BEST = 10
"""Best trials that a change is judged by: the best tenth, at least this many."""

BORDER = 0.1
"""The outer part of a range that counts as its border."""

CROWDED = 0.6
"""The share of the best trials at a border from which a range is too narrow; chance alone brings 10 %."""

WIDENINGS = (0.5, 0.25, 0.1)
"""By what share of its length a range is widened: the first that the study file allows."""

LONGEST = 0.75
"""A range is narrowed only to at most this share of its length."""

FEWEST_TRIED = 5
"""Trials in which an option must have been seen before it is dropped."""

Kind = Literal["widen", "narrow", "drop"]


@dataclass(frozen=True)
class SpaceChange:
    """One change of a study: the distribution before and after as the study file writes them, and why."""

    parameter: str
    kind: Kind
    old: str
    new: str
    why: str


@dataclass(frozen=True)
class NextStudy:
    """The study to run next and what is new in it, or the reason why there is none.

    `spec` keeps everything else of the study, but for its name and the configurations to try first; relative
    paths in it start from where the study file lies.
    """

    changes: tuple[SpaceChange, ...] = ()
    spec: StudySpec | None = None
    reason: str | None = None


_Proposal = tuple[SpaceChange, Distribution]


def suggest_next_study(record: StudyRecord, effects: Effects) -> NextStudy:
    """Suggest what to search next."""
    outcomes = order_outcomes(record)
    completed = outcomes.completed
    if len(completed) < FEWEST_TRIALS:
        told = f"at least {FEWEST_TRIALS} completed trials are needed, and there are {len(completed)}"
        return NextStudy(reason=f"Too few trials to change the search space: {told}.")
    completed.sort(key=lambda index: (float(outcomes.places[index]), index))
    best = [outcomes.trials[index] for index in completed[: max(BEST, ceil(len(outcomes.trials) / 10))]]
    of_name = {effect.name: effect for effect in effects.parameters}
    spec, changes = record.spec, []
    for parameter in record.parameters:
        for change, distribution in _changes(parameter, of_name.get(parameter.name), best):
            edited = _edited(spec, parameter, distribution)
            if edited is not None:
                spec = edited
                changes.append(change)
                break
    if not changes:
        return NextStudy(reason="No range is clearly too narrow or too wide.")
    return NextStudy(tuple(changes), _named_anew(spec))


def _changes(parameter: Parameter, effect: Effect | None, best: Sequence[TrialRecord]) -> list[_Proposal]:
    """List the changes that the evidence speaks for, to be tried in this order."""
    if effect is None or not effect.worse:
        return []
    trials = [trial for trial in best if parameter.name in trial.parameters]
    if isinstance(parameter.distribution, Choice):
        return _dropped(parameter, parameter.distribution, effect, trials)
    if len(trials) < BEST:
        return []
    (column,) = columns_of([parameter], trials)
    return _widened(column, parameter.distribution, effect) or _narrowed(
        column, parameter.distribution, effect
    )


def _edited(spec: StudySpec, parameter: Parameter, new: Distribution) -> StudySpec | None:
    """Change a spec; None where the study file does not allow it, or the parameter went with an option."""
    try:
        edited = replace_distribution(spec, parameter.distribution, new)
    except ValidationError:
        return None
    return None if edited == spec else edited


def _named_anew(spec: StudySpec) -> StudySpec:
    """Give the next study a name of its own; configurations to try first may lie outside of its ranges."""
    search = spec.search.without_beginning()
    return spec.model_copy(update={"name": name_with(spec.name, "-next"), "search": search})


def _proposal(parameter: Parameter, kind: Kind, new: Distribution, why: str) -> _Proposal:
    told = replace(parameter, distribution=new).describe()
    return SpaceChange(parameter.name, kind, parameter.describe(), told, why), new


def _widened(column: ParameterColumn, distribution: Numeric, effect: Effect) -> list[_Proposal]:
    """Widen a range at the border where most of the best trials lie and the effect is best."""
    low, high = column.ends
    shares = (column.numbers - low) / (high - low)
    best = effect.best
    if best is None:
        return []
    place = (to_number(column.parameter, best.at) - low) / (high - low)
    for lower, near, outermost in ((True, shares <= BORDER, place), (False, shares >= 1 - BORDER, 1 - place)):
        if near.mean() >= CROWDED and outermost <= 1 / 3:
            side = "lower" if lower else "upper"
            why = f"{near.sum()} of the {len(near)} best trials lie in the {side} tenth of the range"
            wider = [_wider(distribution, share, lower=lower) for share in WIDENINGS]
            return [
                _proposal(column.parameter, "widen", new, why) for new in wider if _alike(new, distribution)
            ]
    return []


def _alike(new: Numeric, old: Numeric) -> bool:
    """Return whether a range is another one, of numbers of the same signs: no layer has -4 units."""
    return new != old and (new.low > 0) == (old.low > 0) and (new.low >= 0) == (old.low >= 0)


def _wider(distribution: Numeric, share: float, *, lower: bool) -> Numeric:
    low, high = distribution.low, distribution.high
    if distribution.log:
        factor = (high / low) ** share
        low, high = (low / factor, high) if lower else (low, high * factor)
    else:
        more = share * (high - low)
        low, high = (low - more, high) if lower else (low, high + more)
    return _readable(distribution, low, high)


def _narrowed(column: ParameterColumn, distribution: Numeric, effect: Effect) -> list[_Proposal]:
    """Cut off the ends of a range where every level is worse and none of the best trials lies."""
    parameter = column.parameter
    numbers = np.array([to_number(parameter, level.at) for level in effect.levels])
    good = np.flatnonzero([level not in effect.worse for level in effect.levels])
    half = float(np.diff(numbers).max()) / 2
    first, last = column.ends
    low = max(first, min(numbers[good[0]] - half, float(column.numbers.min())))
    high = min(last, max(numbers[good[-1]] + half, float(column.numbers.max())))
    tried = np.array([level.trials for level in effect.levels])
    low = low if tried[numbers < low].sum() >= FEWEST_TRIED else first
    high = high if tried[numbers > high].sum() >= FEWEST_TRIED else last
    ends = (exp(low), exp(high)) if distribution.log else (low, high)
    new = _inside(_readable(distribution, *ends), distribution)
    if _length(new) > LONGEST * _length(distribution):
        return []
    why = f"all {len(column.numbers)} best trials lie there, and values beyond are worse on average"
    return [_proposal(parameter, "narrow", new, why)]


def _inside(new: Numeric, old: Numeric) -> Numeric:
    return replace(new, low=max(new.low, old.low), high=min(new.high, old.high))


def _length(distribution: Numeric) -> float:
    first, last = ParameterColumn(Parameter("", distribution), np.empty(0)).ends
    return last - first


def _readable(distribution: Numeric, low: float, high: float) -> Numeric:
    """Return a range with ends of two digits, rounded outwards, on the steps of the old one."""
    low = distribution.low if isclose(low, distribution.low) else _rounded(distribution, low, floor)
    high = distribution.high if isclose(high, distribution.high) else _rounded(distribution, high, ceil)
    return replace(distribution, low=low, high=high)


def _rounded(distribution: Numeric, end: float, outwards: Callable[[float], int]) -> float:
    step = 1 if distribution.integer and distribution.step is None else distribution.step
    if step is not None:
        bound = distribution.low + outwards(round((end - distribution.low) / step, 6)) * step
        return int(bound) if distribution.integer else float(f"{bound:.12g}")
    unit = 10.0 ** (floor(log10(abs(end))) - 1) if end else 1.0
    return float(f"{outwards(round(end / unit, 6)) * unit:.12g}")


def _dropped(
    parameter: Parameter, distribution: Choice, effect: Effect, best: Sequence[TrialRecord]
) -> list[_Proposal]:
    """Drop the options that are certainly worse than the best one and that none of the best trials has."""
    among_best = {trial.parameters[parameter.name] for trial in best}
    worse = {level.at for level in effect.worse if level.trials >= FEWEST_TRIED} - among_best
    if not worse or len(best) < BEST:
        return []
    kept = [
        option
        for label, option in zip(parameter.options, distribution.options, strict=True)
        if label not in worse
    ]
    names = ", ".join(str(label) for label in parameter.options if label in worse)
    has = "has" if len(worse) == 1 else "have"
    why = f"{names} {has} worse results on average, and none of the {len(best)} best trials"
    return [_proposal(parameter, "drop", Choice(tuple(kept)), why)]
