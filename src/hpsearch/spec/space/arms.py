"""The arms of a comparison: configurations that differ in what is compared, and in nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from pydantic import ValidationError

from hpsearch.exceptions import Problem, StudyFileError
from hpsearch.spec import Choice, Compare, Configuration, StudySpec
from hpsearch.spec.sections.preparation import PLACES
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.loading import with_value
from hpsearch.spec.study_file.parts import dump
from hpsearch.spec.study_file.problems import dotted, nearest_name, problems_of, show
from hpsearch.spec.study_file.source import Place, Source

MAX_ARMS = 1_000
"""More cannot be compared."""


@dataclass(frozen=True)
class Arm:
    """One configuration of a comparison; `values` are the labels of its factors, none where it was listed."""

    name: str
    configuration: Configuration
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Arms:
    """The arms of a comparison, the name of the one that others are compared to, and what all of them share.

    `fixed` are the searched values that the comparison does not vary: the first option of a choice, the
    middle of a range.
    """

    arms: tuple[Arm, ...]
    baseline: str
    factors: tuple[str, ...]
    fixed: Mapping[str, Value]

    def __getitem__(self, name: str) -> Arm:
        found = next((arm for arm in self.arms if arm.name == name), None)
        if found is None:
            raise KeyError(name)
        return found


def middle_of(parameter: Parameter) -> Value:
    """Return the first option of a choice, or the middle of a range, on its scale and its steps."""
    distribution = parameter.distribution
    if isinstance(distribution, Choice):
        return parameter.options[0]
    low, high, step = distribution.low, distribution.high, distribution.step
    if distribution.log:
        middle = math.sqrt(low) * math.sqrt(high)
    elif step is not None:
        middle = low + math.floor((high - low) / step / 2 + 1e-8) * step
    else:
        middle = low / 2 + high / 2
    return round(middle) if distribution.integer else min(max(middle, low), high)


def arms_of(spec: StudySpec, source: Source | None = None) -> Arms:
    """List the arms of a study's `compare` section; without one, every combination of its choices.

    Args:
        spec: The study.
        source: Its text, by which errors name their lines; by default they name none.

    Raises:
        StudyFileError: With every problem of the section.
    """
    return _ArmsBuilder(spec, source or Source(spec.name, {}, {})).arms()


class _ArmsBuilder:
    """Collects the arms of a study and what is wrong with them."""

    def __init__(self, spec: StudySpec, source: Source) -> None:
        self.spec, self.source = spec, source
        self.compare = spec.compare or Compare()
        self.space = SearchSpace(spec)
        self.problems: list[Problem] = []
        self.fixed: dict[str, Value] = {}
        self.factors = self._factors()

    def arms(self) -> Arms:
        found = [*(self._grid() if self.factors or not self.compare.arms else ()), *self._listed()]
        self._check_names(found)
        if self.problems:
            raise StudyFileError(tuple(sorted(self.problems, key=lambda problem: problem.line or 0)))
        return Arms(tuple(found), self.compare.baseline or found[0].name, self.factors, self.fixed)

    def _complain(self, place: Place, expected: str, found: str, nearest: str | None = None) -> None:
        place = ("compare", *place)
        file, line = self.source.file_of(place), self.source.line_of(place)
        self.problems.append(Problem(file, line, dotted(place), expected, found, nearest))

    def _factors(self) -> tuple[str, ...]:
        choices = {p.name: p for p in self.space.parameters if isinstance(p.distribution, Choice)}
        if self.compare.factors is None:
            return () if self.compare.arms else tuple(choices)
        for index, name in enumerate(self.compare.factors):
            if name not in choices:
                expected = f"the name of a choice ({', '.join(choices) or 'the study has none'})"
                self._complain(("factors", index), expected, repr(name), nearest_name(name, choices))
        return tuple(name for name in self.compare.factors if name in choices)

    def _grid(self) -> list[Arm]:
        def values(parameter: Parameter) -> tuple[Value, ...]:
            return parameter.options if parameter.name in self.factors else (middle_of(parameter),)

        found = list(islice(self.space.combinations(values), MAX_ARMS + 1))
        if len(found) > MAX_ARMS:
            self._complain(("factors",), f"at most {MAX_ARMS:,} combinations", "more")
            return []
        return [self._combination(combination) for combination in found]

    def _combination(self, values: Mapping[str, Value]) -> Arm:
        own = {name: values[name] for name in self.factors if name in values}
        self.fixed |= {name: value for name, value in values.items() if name not in own}
        name = ", ".join(_told(factor, label) for factor, label in own.items()) or "the study"
        return Arm(name, self.space.configuration(values), own)

    def _listed(self) -> Iterator[Arm]:
        for name, changes in self.compare.arms.items():
            spec = self._changed(name, changes)
            if spec is not None:
                yield Arm(name, self._base_of(spec), {})

    def _base_of(self, spec: StudySpec) -> Configuration:
        def choose(parameter: Parameter) -> Value:
            value = middle_of(parameter)
            if parameter.name not in self.factors:
                self.fixed[parameter.name] = value
            return value

        return SearchSpace(spec).configure(choose)

    def _changed(self, name: str, changes: Mapping[str, Any]) -> StudySpec | None:
        """Apply the changes of an arm to the study; None where they do not fit, which is complained of."""
        data = dump(self.spec.model_copy(update={"compare": None}))
        for path, value in changes.items():
            if path.split(".")[0] not in ("model", "training") and path not in PLACES.values():
                places = " or ".join(PLACES.values())
                expected = f"a path in model or training, as in model.mlp.dropout, or {places}"
                self._complain(("arms", name, path), expected, repr(path))
                return None
            try:
                data = with_value(data, path, value)
            except StudyFileError as failure:
                problem = failure.problems[0]
                self._complain(("arms", name, path), problem.expected, problem.found)
                return None
        try:
            return StudySpec.model_validate(data)
        except ValidationError as failure:
            self._complain_of_changes(name, changes, failure)
            return None

    def _complain_of_changes(self, name: str, changes: Mapping[str, Any], failure: ValidationError) -> None:
        for problem in problems_of(failure, replace(self.source, lines={}, settings={})):
            path = next((path for path in changes if problem.path.startswith(path)), None)
            place = ("arms", name) if path is None else ("arms", name, path)
            expected = problem.expected if problem.path == path else f"{problem.path}: {problem.expected}"
            self._complain(place, expected, problem.found, problem.nearest)

    def _check_names(self, arms: list[Arm]) -> None:
        names = [arm.name for arm in arms]
        for name in sorted({name for name in names if names.count(name) > 1}):
            expected = "another name: a combination of the factors already has this one"
            self._complain(("arms", name), expected, repr(name))
        for place, name in self._named():
            if name not in names and not self.problems:
                shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
                self._complain(place, f"the name of an arm ({shown})", show(name), nearest_name(name, names))

    def _named(self) -> Iterator[tuple[Place, str]]:
        """Iterate over the places of the section that name an arm."""
        if self.compare.baseline is not None:
            yield ("baseline",), self.compare.baseline
        for index, claim in enumerate(self.compare.claims):
            for key in ("better", "than", "arm"):
                name = getattr(claim, key)
                if name is not None:
                    yield ("claims", index, key), name


def _told(factor: str, label: Value) -> str:
    return label if isinstance(label, str) else f"{factor}={label}"
