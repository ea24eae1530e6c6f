"""Which hyperparameters `build(hp)` asks for, and under which values of others: found by running it."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hpsearch.models.components.hyperparameters import HyperParameter, HyperParameters
from hpsearch.spec import Choice, Hyperparameter, Numeric
from hpsearch.spec.space.parameter import Parameter

MOST_RUNS = 100
"""How often a file is run before a study begins."""

MOST_VALUES = 32
"""Whole numbers that are tried one by one, where what is asked for depends on one."""

Values = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run of `build` with given values: what it asked for, its values, and whether it came to its end."""

    given: Values
    space: tuple[HyperParameter, ...]
    values: Mapping[str, Any]
    ended: bool

    @property
    def names(self) -> set[Any]:
        """What it asked for, by what tells one hyperparameter from another."""
        return {_key(one) for one in self.space}


def explore(build: Callable[[HyperParameters], Any]) -> tuple[Hyperparameter, ...]:
    """Run `build` by its defaults, then with other values of what its questions may depend on.

    The parents of a hyperparameter are those of its conditional scopes, and what tells in all runs whether
    it is asked for. One of which nothing tells that is always there.

    Raises:
        BaseException: What `build` raises where all is at its default.
    """
    exploration = _Exploration(build)
    exploration.run_all()
    if exploration.left:
        warnings.warn(
            f"what build(hp) searches was looked for in {MOST_RUNS} runs, and {len(exploration.left)} more "
            "would be left: what only these would ask for has its default",
            RuntimeWarning,
            stacklevel=2,
        )
    return tuple(map(exploration.described, exploration.space))


class _Exploration:
    """The runs of `build` so far, and what they asked for, parents first."""

    def __init__(self, build: Callable[[HyperParameters], Any]) -> None:
        self.build = build
        self.runs: list[Run] = []
        self.space: list[HyperParameter] = []
        self.left: deque[tuple[Run, str, Any]] = deque()
        self.tried: list[Values] = []

    def run_all(self) -> None:
        """Run what there is to be tried, at most `MOST_RUNS` times."""
        self._run({})
        while self.left and len(self.runs) < MOST_RUNS:
            base, name, value = self.left.popleft()
            with suppress(Exception, SystemExit):  # a trial with these values will say it
                self._run({**base.given, name: value})
            if self.runs[-1].names != base.names:
                self._plan_all(base, name)

    def _run(self, given: Values) -> None:
        hp, ended = HyperParameters(given), False
        try:
            self.build(hp)
            ended = True
        finally:
            values = {one.name: hp.values[one.name] for one in hp.space if hp.is_active(one)}
            run = Run(given, tuple(hp.space), values, ended)
            self.runs.append(run)
            for one in self._new(run):
                self._plan(one, run)

    def _new(self, run: Run) -> list[HyperParameter]:
        """Put what is met for the first time behind what was asked for before it."""
        new, known, place = [], {_key(one) for one in self.space}, 0
        for one in run.space:
            if _key(one) in known:
                place = max(place, 1 + [_key(other) for other in self.space].index(_key(one)))
            else:
                self.space.insert(place, one)
                new.append(one)
                place += 1
        return new

    def _plan(self, one: HyperParameter, run: Run) -> None:
        """Plan to try the other values of a hyperparameter, and those of its parents that activate it."""
        for parent in one.conditions:
            for value in parent.values:
                self._try(run, parent.name, value)
        if one.name in run.values:
            for value in _ends(one):
                self._try(run, one.name, value)

    def _plan_all(self, base: Run, name: str) -> None:
        """Plan to try every value of a hyperparameter of which one has changed what is asked for."""
        for one in self.space:
            if one.name == name:
                for value in _all(one) or ():
                    self._try(base, name, value)

    def _try(self, base: Run, name: str, value: Any) -> None:
        given = {**base.given, name: value}
        if given not in self.tried and base.values.get(name) != value:
            self.tried.append(given)
            self.left.append((base, name, value))

    def described(self, one: HyperParameter) -> Hyperparameter:
        """Return a hyperparameter with its parents."""
        when = {parent.name: parent.values for parent in one.conditions}
        for name, values in self._parents(one):
            when[name] = tuple(value for value in values if value in when.get(name, values))
        return Hyperparameter(
            name=one.name,
            value=one.value,
            default=one.default,
            when=tuple(when.items()),
            mirrored=one.mirrored,
        )

    def _parents(self, one: HyperParameter) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Find hyperparameters before one that tell whether it is asked for, those that tell most first."""
        runs = [run for run in self.runs if all(parent.is_active(run.values) for parent in one.conditions)]
        with_it = [run for run in runs if _key(one) in run.names]
        left = [run for run in runs if run.ended and _key(one) not in run.names]
        before = self.space[: self.space.index(one)]
        found: list[tuple[str, tuple[Any, ...]]] = []
        while left:
            told = [(parent.name, values) for parent in before if (values := self._values(parent, with_it))]
            best = max(told, key=lambda pair: sum(map(_excluded(pair), left)), default=None)
            if best is None or not any(map(_excluded(best), left)):
                return  # it cannot be told
            found.append(best)
            left = [run for run in left if not _excluded(best)(run)]
        yield from found

    def _values(self, parent: HyperParameter, runs: list[Run]) -> tuple[Any, ...]:
        """Return the values that one had in some runs; none where not all of its values were tried."""
        tried = {run.values[parent.name] for run in self.runs if parent.name in run.values}
        known = _all(parent)
        if known is None or not tried >= set(known) or any(parent.name not in run.values for run in runs):
            return ()
        had = {run.values[parent.name] for run in runs}
        return tuple(value for value in known if value in had)


def _key(one: HyperParameter) -> tuple[str, Any]:
    return one.name, one.conditions


def _excluded(pair: tuple[str, tuple[Any, ...]]) -> Callable[[Run], bool]:
    """Return a function that tells whether a run has no value among those of a parent."""
    name, values = pair
    return lambda run: run.values.get(name) not in values


def _all(one: HyperParameter) -> tuple[Any, ...] | None:
    """List the values of a choice or of a short range of whole numbers; None of any other."""
    if isinstance(one.value, Choice):
        return one.value.options
    if isinstance(one.value, Numeric) and one.value.integer:
        values = Parameter("", one.value)
        return tuple(values.iterate()) if values.count <= MOST_VALUES else None
    return None


def _ends(one: HyperParameter) -> tuple[Any, ...]:
    """List the values that may change what is asked for: of whole numbers the first and the last."""
    if isinstance(one.value, Choice):
        return one.value.options
    if isinstance(one.value, Numeric) and one.value.integer:
        return int(one.value.low), int(one.value.last)
    return ()
