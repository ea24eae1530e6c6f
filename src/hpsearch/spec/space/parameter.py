"""One parameter of a search space: its distribution, and the conditions under which it exists."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hpsearch.spec import Choice, Numeric
from hpsearch.spec.study_file.parts import Part, label_of

Value = str | int | float | bool
"""What Optuna stores: a number, or the label of an option (an option that is a plain value is itself)."""


@dataclass(frozen=True)
class AtLeast:
    """The numbers from one on."""

    least: int


@dataclass(frozen=True)
class AnyOf:
    """One of several values."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return " or ".join(map(str, self.values))


Condition = tuple[str, Value | AtLeast | AnyOf]


def condition_text(condition: Condition, equals: str = " = ") -> str:
    """Write a condition: `schedule = cosine`, `times \u2265 2`."""
    name, value = condition
    return f"{name} \u2265 {value.least}" if isinstance(value, AtLeast) else f"{name}{equals}{value}"


def distinct(labels: Iterable[Value]) -> tuple[Value, ...]:
    """Put a number behind the later ones of labels that are the same."""
    seen: Counter[str] = Counter()
    found: list[Value] = []
    for label in labels:
        seen[str(label)] += 1
        found.append(label if seen[str(label)] == 1 else f"{label}#{seen[str(label)]}")
    return tuple(found)


@dataclass(frozen=True)
class Parameter:
    """One searched value: its short dotted name, its distribution and when it is active.

    `options` are the labels of a choice; `conditions` name the choices that lead here, outermost first.
    A structural parameter changes the computation graph, a numeric one is only an argument of it.
    """

    name: str
    distribution: Choice | Numeric
    conditions: tuple[Condition, ...] = ()
    structural: bool = False

    @property
    def options(self) -> tuple[Value, ...]:
        """Label the options of a choice; two options never share a label."""
        if isinstance(self.distribution, Numeric):
            return ()
        return distinct(
            option if isinstance(option, str | int | float | bool) else label_of(option)
            for option in self.distribution.options
        )

    @property
    def inner_names(self) -> tuple[str, ...]:
        """Name the options of a choice in the names of what is searched in them."""
        options = self.distribution.options if isinstance(self.distribution, Choice) else ()
        names = [option.inner_name() if isinstance(option, Part) else label_of(option) for option in options]
        numbered = (str(at) if name is None else name for at, name in enumerate(names, start=1))
        return tuple(map(str, distinct(numbered)))

    def describe(self) -> str:
        """Write the distribution as the study file does."""
        if isinstance(self.distribution, Numeric):
            numbers = ", ".join(f"{number:g}" for number in self.distribution.arguments)
            return f"{self.distribution.word} [{numbers}]"
        return f"choice [{', '.join(map(str, self.options))}]"

    def contains(self, value: object) -> bool:
        """Return whether the distribution can give this value."""
        distribution = self.distribution
        if isinstance(distribution, Choice):
            return any(value == option and type(value) is type(option) for option in self.options)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not distribution.low <= value <= distribution.high:
            return False
        if distribution.integer and not float(value).is_integer():
            return False
        if distribution.step is None:
            return True
        steps = (value - distribution.low) / distribution.step
        return abs(steps - round(steps)) < 1e-8

    @property
    def count(self) -> float:
        """Count the values of the distribution: infinity where there is no end of them."""
        distribution = self.distribution
        if isinstance(distribution, Choice):
            return len(distribution.options)
        steps = distribution.steps
        return math.inf if steps is None else steps + 1

    def values(self) -> tuple[Value, ...] | None:
        """List the values of a finite distribution; None where there is no end of them."""
        return None if self.count == math.inf else tuple(self.iterate())

    def iterate(self) -> Iterator[Value]:
        """Iterate over the values of a finite distribution, which may be too many for a list."""
        if isinstance(self.distribution, Choice):
            yield from self.options
            return
        for index in range(int(self.count)):
            yield self.value_at(index)

    def value_at(self, index: int) -> Value:
        """Return one of the values of a finite distribution, without listing the others."""
        distribution = self.distribution
        if isinstance(distribution, Choice):
            return self.options[index]
        return distribution.at(index)
