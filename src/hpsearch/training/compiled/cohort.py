"""Members side by side: their states stay together on the device, and are parted when one is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

State = Mapping[str, Any]
"""The weights, moving variables and optimizer of a member."""


class Cohort:
    """The states of a cohort as one call left them, stacked on the device."""

    def __init__(self, states: State) -> None:
        self.states = states
        self._fetched: dict[str, Any] = {}

    def fetched(self, name: str) -> Any:
        """Return a part of all states on the host: one transfer for all members."""
        if name not in self._fetched:
            self._fetched[name] = jax.device_get(self.states[name])
        return self._fetched[name]


class Part(State):
    """The state of one member of a cohort; what is read of it is a copy, which outlives the cohort."""

    def __init__(self, cohort: Cohort, place: int) -> None:
        self.cohort, self.place = cohort, place

    def __getitem__(self, name: str) -> Any:
        return jax.tree.map(lambda leaf: np.array(leaf[self.place]), self.cohort.fetched(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.cohort.states)

    def __len__(self) -> int:
        return len(self.cohort.states)


def stacked_states(states: Sequence[State], width: int) -> State:
    """Stack the states of members; those that stand together already are left on the device.

    Args:
        states: At most so many as the cohort is wide; the rest of it is dead weight.
        width: That of the cohort.
    """
    first = states[0]
    if isinstance(first, Part) and all(map(_stands, states, range(width), [first.cohort] * width)):
        return first.cohort.states
    together: State = stacked([dict(state) for state in states], width)
    return together


def _stands(state: State, place: int, cohort: Cohort) -> bool:
    return isinstance(state, Part) and state.cohort is cohort and state.place == place


def stacked(trees: Sequence[Any], width: int) -> Any:
    """Stack what members are fed with, on the host, and repeat the first up to a width."""
    padded = [*trees, *[trees[0]] * (width - len(trees))]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *padded)
