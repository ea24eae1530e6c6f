"""The interface of schedulers: what is trained next, and whether a trial goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Event, Origin, Promoted, Pruning


@dataclass(frozen=True)
class StartTrial:
    """A trial with these values is to be started; `origin` as in `Asked`."""

    values: dict[str, Value]
    origin: Origin | None = None


@dataclass(frozen=True)
class Wait:
    """Nothing can be started until a running trial has ended."""


@dataclass(frozen=True)
class Done:
    """There is nothing left to train, or what is left is not expected to gain anything."""

    reason: Literal["exhausted", "no_gain"] = "exhausted"


@dataclass(frozen=True)
class Continue:
    """The trial goes on."""


@dataclass(frozen=True)
class Stop:
    """The trial is pruned, for a reason given as text and as numbers."""

    reason: str
    pruning: Pruning


@dataclass(frozen=True)
class Pause:
    """The trial waits where it stands; it may be promoted later."""


Next = StartTrial | Wait | Done
Decision = Continue | Pause | Stop

Evidence = Literal["generations", "complete", "partial", "leader"]
"""What promotions are decided by: whole generations while trials are begun; after the last one what all
trials have reported, or, where a worker would idle, what there is. When the time is over, only the best trial
of all goes on."""


class Scheduler(ABC):
    """Decides what is trained next and what is stopped, as a function of the events applied to it.

    `apply` is called with every event of a study in order, live as well as from the log. `next` and `decide`
    change nothing that a later decision depends on.
    """

    may_stop: bool = False
    """Whether `decide` can stop a trial at any epoch; where it cannot, several may be trained at once."""

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

    def pauses_at(self, number: int) -> int | None:  # noqa: ARG002 - for those that pause trials
        """Return the epoch after which a trial is paused; None for never."""
        return None

    def promotion(self, evidence: Evidence) -> Promoted | None:  # noqa: ARG002 - the same
        """Return which paused trial goes on next; None where none does now."""
        return None

    def dismissal(self, number: int) -> Stop:
        """Return why a paused trial will not go on any more."""
        raise NotImplementedError(f"trial {number} cannot be paused")
