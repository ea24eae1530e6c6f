"""The interface of schedulers: what is trained next, and whether a trial goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Event, Pruning


@dataclass(frozen=True)
class StartTrial:
    """Begin a trial with these values."""

    values: dict[str, Value]


@dataclass(frozen=True)
class Wait:
    """There may be more when trials under way have ended."""


@dataclass(frozen=True)
class Done:
    """There is nothing left to train."""


@dataclass(frozen=True)
class Continue:
    """The trial goes on."""


@dataclass(frozen=True)
class Stop:
    """The trial is pruned: the reason in words, and in numbers."""

    reason: str
    pruning: Pruning


Next = StartTrial | Wait | Done
Decision = Continue | Stop


class Scheduler(ABC):
    """Decides what is trained next and what is stopped, as a function of the events that it was told.

    `apply` tells it every event of a study in order, live and from the log alike; asking changes nothing that
    is decided later.
    """

    may_stop: bool = False
    """Whether `decide` can ever stop a trial; where it cannot, several epochs may be trained at once."""

    @abstractmethod
    def next(self, number: int) -> Next:
        """Say what the trial of this number is; numbers follow each other from 0."""

    @abstractmethod
    def apply(self, event: Event) -> None:
        """Take in an event."""

    def decide(self, number: int) -> Decision:  # noqa: ARG002 - for those that stop trials
        """Say whether a trial goes on after the epoch that it has reported last."""
        return Continue()
