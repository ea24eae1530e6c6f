"""A traced number in the place of a Python number that Keras' code reads from an attribute."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import jax

SHARE = 1.0
"""The bound of numbers that are shares: above 0 and below 1."""

POSITIVE = float("inf")
"""The bound of numbers that are above 0."""


@jax.tree_util.register_pytree_node_class
class Number:
    """A traced `value` above 0 and below a `bound`; `rest` is 1 - value, rounded once as Python rounds it.

    Code may ask in Python what all numbers in the bounds answer alike. A question that parts them raises
    TypeError, and so does what needs a Python number: a number is never held without a word.
    """

    def __init__(self, value: Any, rest: Any, bound: float) -> None:
        self.value, self.rest, self.bound = value, rest, bound

    def tree_flatten(self) -> tuple[tuple[Any, Any], float]:
        """Return the traced parts, for functions of JAX that take it as an argument."""
        return (self.value, self.rest), self.bound

    @classmethod
    def tree_unflatten(cls, bound: float, parts: tuple[Any, Any]) -> Number:
        """Put the traced parts together again."""
        return cls(*parts, bound)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def ndim(self) -> int:
        return 0

    def __jax_array__(self) -> Any:
        return self.value

    def _is_above(self, other: Any) -> bool:
        if isinstance(other, int | float):
            if other <= 0:
                return True
            if other >= self.bound:
                return False
        raise TypeError("the code asks in Python for the size of a number that is fed into the program")

    def __bool__(self) -> bool:
        return True

    def __gt__(self, other: Any) -> bool:
        return self._is_above(other)

    def __ge__(self, other: Any) -> bool:
        return self._is_above(other)

    def __lt__(self, other: Any) -> bool:
        return not self._is_above(other)

    def __le__(self, other: Any) -> bool:
        return not self._is_above(other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int | float):
            self._is_above(other)
        return self is other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = object.__hash__

    def __rsub__(self, other: Any) -> Any:
        return self.rest if _is_one(other) else _plain(other) - self.value

    def __sub__(self, other: Any) -> Any:
        return -self.rest if _is_one(other) else self.value - _plain(other)

    def __neg__(self) -> Any:
        return -self.value


def _is_one(other: Any) -> bool:
    return isinstance(other, int | float) and other == 1


def _plain(other: Any) -> Any:
    return other.value if isinstance(other, Number) else other


def _forwarded(operation: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    def left(self: Number, other: Any) -> Any:
        return operation(self.value, _plain(other))

    def right(self: Number, other: Any) -> Any:
        return operation(_plain(other), self.value)

    return left, right


for _name in ("add", "mul", "truediv", "pow"):
    _left, _right = _forwarded(getattr(operator, _name))
    setattr(Number, f"__{_name}__", _left)
    setattr(Number, f"__r{_name}__", _right)
