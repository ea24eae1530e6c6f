"""Constraints of a search: what a trial must keep to in order to be ranked."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from hpsearch.spec.study_file.distributions import problem

PARAMETERS = "parameters"
"""The number of weights of a trial's network, which is known before it is trained."""

HOLDS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}

LEAST = 1e-9
"""The violation of what is exactly at a limit that it may not have."""

_FORM = re.compile(r"\s*(?P<name>.*[^<>=!\s])\s*(?P<sign>[<>=!]+)\s*(?P<limit>[^<>=!]*?)\s*")


@dataclass(frozen=True)
class Constraint:
    """A limit of what is known of a trial, as in `parameters <= 100000`."""

    name: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.limit:.12g}"

    def violation(self, value: float | None) -> float:
        """Return by how much a value violates the limit, as a share of it; 0 where it does not.

        What has no value violates it by the whole of it.
        """
        if value is None or not math.isfinite(value):
            return 1.0
        if HOLDS[self.sign](value, self.limit):
            return 0.0
        return max(abs(value - self.limit) / (abs(self.limit) or 1.0), LEAST)


@dataclass(frozen=True)
class Infeasibility:
    """The constraints that a trial violates, by how much each, and the same in words."""

    violations: dict[str, float]
    cause: str


def infeasibility(
    constraints: Iterable[Constraint], values: Mapping[str, float | None], defined: Iterable[str] = ()
) -> Infeasibility | None:
    """Hold what is known of a trial against constraints; None where it keeps to all.

    Args:
        constraints: The constraints.
        values: What is known of the trial.
        defined: Names that must have a value, too: the objectives.
    """
    told = [(one, values.get(one.name), one.violation(values.get(one.name))) for one in constraints]
    broken = [(one, value, violation) for one, value, violation in told if violation]
    missing = [name for name in defined if values.get(name) is None]
    if not broken and not missing:
        return None
    words = [
        f"{one.name} is {'undefined' if value is None else f'{value:.6g}'}, against {one}"
        for one, value, _ in broken
    ]
    words += [f"{name} is undefined, and an objective" for name in missing]
    violations = {str(one): violation for one, _, violation in broken}
    return Infeasibility({**violations, **{f"{n} is defined": 1.0 for n in missing}}, "; ".join(words))


def read_constraint(text: str) -> Constraint:
    """Read a constraint.

    Raises:
        PydanticCustomError: It is none; the message tells the column in it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise problem("a constraint, NAME <= NUMBER, as in 'parameters <= 100000'", found=repr(text))
    if found["sign"] not in HOLDS:
        raise _misread(f"one of {', '.join(HOLDS)}", found, "sign")
    try:
        limit = float(found["limit"])
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise _misread("a number", found, "limit")
    return Constraint(found["name"], found["sign"], limit)


def _misread(expected: str, found: re.Match[str], part: str) -> Exception:
    return problem(
        f"{expected} at column {found.start(part) + 1} of {found.string!r}", found=repr(found[part])
    )


def check_names(constraints: Iterable[Constraint], known: Collection[str]) -> None:
    """Check that constraints are on what is known of a trial.

    Raises:
        PydanticCustomError: One is not; the message has the nearest name.
    """
    for place, one in enumerate(constraints):
        if one.name not in known:
            expected = (
                f"{PARAMETERS}, or a metric that is recorded (search.metrics records more), at column 1"
            )
            raise problem(
                expected, options=list(known), word=one.name, found=repr(one.name), at=("constraints", place)
            )


ConstraintText = Annotated[
    str,
    AfterValidator(lambda text: str(read_constraint(text))),
    WithJsonSchema({"type": "string", "pattern": "(<|>|<=|>=)"}),
]
