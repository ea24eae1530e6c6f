"""The `hp` that `build(hp)` asks for values, by Keras Tuner's protocol, which need not be installed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from hpsearch.spec import Choice, Distribution, Numeric

NEARLY = 1e-8
"""What a last step may lack to a whole one."""


@dataclass(frozen=True)
class Parent:
    """The condition that a hyperparameter has one of some values."""

    name: str
    values: tuple[Any, ...]

    def is_active(self, values: Mapping[str, Any]) -> bool:
        """Return whether it is met."""
        return self.name in values and values[self.name] in self.values


@dataclass(frozen=True)
class HyperParameter:
    """What was asked for: its values, or its only one, its default, and the conditions of it."""

    name: str
    value: Distribution | str | int | float | bool
    default: Any
    conditions: tuple[Parent, ...] = ()
    mirrored: bool = False


class HyperParameters:
    """Gives values by their names, and remembers what it was asked for.

    A name that is not in `values` gets its default. Under conditions that are not met the answer is None.

    Args:
        values: The values of a configuration.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = dict(values or {})
        self.space: list[HyperParameter] = []
        self._scopes: list[str] = []
        self._conditions: list[Parent] = []

    def Choice(  # noqa: N802 - the protocol's name, as those below
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,  # noqa: FBT001
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for one of several values."""
        options = _alike(values, f"Choice(name={name!r})")
        if ordered and not isinstance(options[0], int | float):
            raise ValueError("`ordered` must be `False` for non-numeric types.")
        first = options[0] if default is None else type(options[0])(default)
        if first not in options:
            raise ValueError(
                f"The default value should be one of the choices. You passed: values={values}, "
                f"default={default}"
            )
        return self._ask(name, _among(options), first, parent_name, parent_values)

    def Int(  # noqa: N802
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str | None = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for a whole number; both bounds are among them where the steps reach the upper one."""
        low, high = _whole(min_value, "min_value"), _whole(max_value, "max_value")
        step = None if step is None else _whole(step, "step")
        given = Range(name, low, high, step, sampling, integer=True)
        first = low if default is None else default
        return self._ask(name, given.distribution, first, parent_name, parent_values, mirrored=given.mirrored)

    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for a number."""
        given = Range(name, float(min_value), float(max_value), step, sampling)
        first = float(min_value) if default is None else default
        return self._ask(name, given.distribution, first, parent_name, parent_values, mirrored=given.mirrored)

    def Boolean(  # noqa: N802
        self,
        name: str,
        default: bool = False,  # noqa: FBT001, FBT002
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Ask for True or False."""
        if default not in (True, False):
            raise ValueError(f"`default` must be a Python boolean. You passed: default={default}")
        return self._ask(name, Choice((True, False)), bool(default), parent_name, parent_values)

    def Fixed(  # noqa: N802
        self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """Ask for the only value that there is."""
        if not isinstance(value, bool | int | float | str):
            raise ValueError(  # noqa: TRY004 - as in Keras Tuner
                f"`Fixed` value must be an `int`, `float`, `str`, or `bool`, found {value}"
            )
        return self._ask(name, value, value, parent_name, parent_values)

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Make what is asked for within the context active only where a parent has one of some values.

        Raises:
            ValueError: The parent was not asked for.
        """
        parent = self._full(parent_name)
        if not any(one.name == parent for one in self.space):
            raise ValueError(f"`HyperParameter` named: {parent} not defined.")
        self._conditions.append(Parent(parent, _parent_values(parent_values)))
        try:
            yield
        finally:
            self._conditions.pop()

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Put a name and a slash before the names within the context."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    def get(self, name: str) -> Any:
        """Return the value of a name.

        Raises:
            ValueError: It is not active.
            KeyError: It was not asked for.
        """
        full = self._full(name)
        if full in self.values:
            return self.values[full]
        if any(one.name == full for one in self.space):
            raise ValueError(f"{full} is currently inactive.")
        raise KeyError(f"{full} does not exist.")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._full(name) in self.values

    def is_active(self, hyperparameter: str | HyperParameter) -> bool:
        """Return whether the conditions of a hyperparameter, or of any of a name, are met."""
        if isinstance(hyperparameter, HyperParameter):
            return all(one.is_active(self.values) for one in hyperparameter.conditions)
        return any(one.name == str(hyperparameter) and self.is_active(one) for one in self.space)

    def copy(self) -> HyperParameters:
        """Return another one with the same values and memory."""
        found = HyperParameters(self.values)
        found.space = list(self.space)
        return found

    def _full(self, name: str) -> str:
        return "/".join([*self._scopes, str(name)])

    def _ask(
        self,
        name: str,
        value: Any,
        default: Any,
        parent_name: str | None,
        parent_values: Any,
        *,
        mirrored: bool = False,
    ) -> Any:
        inside = self.conditional_scope(parent_name, parent_values) if parent_name else nullcontext()
        with inside:
            asked = HyperParameter(self._full(name), value, default, tuple(self._conditions), mirrored)
        return self._answer(asked)

    def _answer(self, asked: HyperParameter) -> Any:
        """Return a value; the first that asks under a name and conditions says what it is."""
        if any(parent.name == asked.name for parent in asked.conditions):
            raise ValueError(
                "A conditional `HyperParameter` cannot have the same name as its parent. "
                f"Found: {asked.name} and parent_name: {asked.name}"
            )
        if not any((one.name, one.conditions) == (asked.name, asked.conditions) for one in self.space):
            self.space.append(asked)
        return self.values.setdefault(asked.name, asked.default) if self.is_active(asked) else None


@dataclass(frozen=True)
class Range:
    """The numbers between two bounds; a step is added, or in logarithmic sampling a factor.

    Raises:
        ValueError: There are no such numbers.
    """

    name: str
    low: float
    high: float
    step: float | None
    sampling: str | None
    integer: bool = False

    def __post_init__(self) -> None:
        kind = "Int" if self.integer else "Float"
        place = f"For HyperParameters.{kind}(name='{self.name}'), "
        if self.low > self.high:
            raise ValueError(f"{place}min_value {self.low} is greater than the max_value {self.high}.")
        if self.scale not in ("linear", "log", "reverse_log"):
            raise ValueError(f"{place}sampling must be one of 'linear', 'log', 'reverse_log'")
        if self.scale == "linear":
            if self.step is not None and self.step <= 0:
                raise ValueError(f"{place}expected step > 0. Received: step={self.step}.")
            return
        if self.low <= 0:
            raise ValueError(
                f"{place}sampling='{self.scale}' does not support negative values, "
                f"found min_value: {self.low}."
            )
        if self.step is not None and self.step <= 1:
            raise ValueError(
                f"{place}expected step > 1 with sampling='{self.scale}'. Received: step={self.step}."
            )

    @property
    def scale(self) -> str:
        """Return how numbers are drawn."""
        return (self.sampling or "linear").lower()

    @property
    def mirrored(self) -> bool:
        """Return whether the distribution is that of `low + high - value`."""
        return self.scale == "reverse_log" and self.step is None and self.low < self.high

    @property
    def distribution(self) -> Any:
        """Return the distribution, or the only number."""
        if self.low == self.high:
            return self.low
        if self.scale != "linear":
            if self.step is None:
                return Numeric(self.low, self.high, log=True, integer=self.integer)
            return _among(tuple(dict.fromkeys(self._grid(self.step))))
        step = None if self.integer and self.step == 1 else self.step
        found = Numeric(self.low, self.high, step, integer=self.integer)
        return self.low if step is not None and step > self.high - self.low else found

    def _grid(self, factor: float) -> Iterator[float]:
        count = int(math.log(self.high / self.low, factor) + NEARLY) + 1
        for index in range(count):
            number = self.low * math.pow(factor, index)
            number = number if self.scale == "log" else self.high + self.low - number
            yield int(number) if self.integer else number


def _among(options: tuple[Any, ...]) -> Any:
    return Choice(options) if len(options) > 1 else options[0]


def _alike(values: Sequence[Any], place: str) -> tuple[Any, ...]:
    """Return values of one type, each once.

    Raises:
        ValueError: There are none.
        TypeError: They are of several types, or of another than numbers, words and flags.
    """
    options = tuple(values)
    if not options:
        raise ValueError("`values` must be provided for `Choice`.")
    types = {type(one) for one in options}
    if len(types) > 1:
        raise TypeError(
            f"A `Choice` can contain only one type of value, found values: {list(options)} with types "
            f"{sorted(one.__name__ for one in types)} in {place}."
        )
    if not isinstance(options[0], bool | int | float | str):
        raise TypeError(
            f"A `Choice` can contain only `int`, `float`, `str`, or `bool`, found values: {list(options)} "
            f"in {place}."
        )
    kind = next(one for one in (bool, int, float, str) if isinstance(options[0], one))
    return tuple(dict.fromkeys(map(kind, options)))


def _whole(number: Any, argument: str) -> int:
    if int(number) != number:
        raise ValueError(f"{argument} must be an int, Received: {number} of type {type(number)}.")
    return int(number)


def _parent_values(values: Any) -> tuple[Any, ...]:
    """Return values of a parent, of the type of the first."""
    found = tuple(values) if isinstance(values, list | tuple) else (values,)
    first = found[0]
    if isinstance(first, bool | float):
        return found
    if isinstance(first, str | int):
        return tuple(map(type(first), found))
    raise TypeError(f"Can contain only `int`, `float`, `str`, or `bool`, found values: {list(found)}")
