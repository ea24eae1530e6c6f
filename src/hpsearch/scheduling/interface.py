"""The interface of schedulers: what is trained next, and whether a trial goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Event, Pruning


@dataclass(frozen=True)
class StartTrial:
    """A trial with these values is to be started."""

    values: dict[str, Value]


@dataclass(frozen=True)
class Wait:
    """Nothing can be started until a running trial has ended."""


@dataclass(frozen=True)
class Done:
    """There is nothing left to train."""


@dataclass(frozen=True)
class Continue:
    """The trial goes on."""


@dataclass(frozen=True)
class Stop:
    """The trial is pruned, for a reason given as text and as numbers."""

    reason: str
    pruning: Pruning


Next = StartTrial | Wait | Done
Decision = Continue | Stop


class Scheduler(ABC):
    """Decides what is trained next and what is stopped, as a function of the events applied to it.

    `apply` is called with every event of a study in order, live as well as from the log. `next` and `decide`
    change nothing that a later decision depends on.
    """

    may_stop: bool = False
    """Whether `decide` can ever stop a trial; where it cannot, several epochs may be trained at once."""

    @abstractmethod
    def next(self, number: int) -> Next:
        """Return what to do with the trial of this number: start it, wait, or stop asking.

        Args:
            number: The number of the trial; numbers follow each other from 0.
        """

    @abstractmethod
    def apply(self, event: Event) -> None:
        """Update the state with an event."""

    def decide(self, number: int) -> Decision:  # noqa: ARG002 - for those that stop trials
        """Return whether a trial goes on after the last epoch that it has reported."""
        return Continue()
