"""The rungs at which trials are compared: successive halving of whole generations (arXiv 1502.07943).

Trials are paused at a rung and go on from where they stand; those that were left behind by one generation
compete with the next ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from math import ceil, inf

from hpsearch.scheduling.interface import Evidence, Stop
from hpsearch.spec.sections.search import Rungs
from hpsearch.store.events import Asked, Ended, Event, Promoted, Pruning, Reported


@dataclass
class Rung:
    """An epoch at which trials are compared.

    Attributes:
        epoch: From 1.
        batch: The number of trials of a generation that come here, which are compared together.
        values: The best value so far of each trial that came here or ended before; smaller is better.
        promoted: The trials that were promoted from here, in their order.
    """

    epoch: int
    batch: int
    values: dict[int, float] = field(default_factory=dict)
    promoted: list[int] = field(default_factory=list)

    def quota(self, evidence: Evidence, factor: int) -> int:
        """Count the trials that may be promoted in all by what has come here."""
        if evidence == "generations":
            return len(self.values) // self.batch * (self.batch // factor)
        return ceil(len(self.values) / factor) if evidence == "complete" else len(self.values) // factor


def rungs_of(settings: Rungs, epochs: int) -> list[Rung]:
    """Return the rungs of runs of so many epochs; a run's end is none of them, nor what comes close to it."""
    factor, rungs = settings.reduction_factor, list[Rung]()
    epoch, batch = settings.min_epochs, settings.generation
    while epoch * factor <= epochs:
        rungs.append(Rung(epoch, batch))
        epoch, batch = epoch * factor, max(batch // factor, factor)
    return rungs


class Bracket:
    """The rungs and what trials reached them: a function of the events applied.

    Args:
        settings: The component of the study file.
        epochs: The length of the longest run.
        minimize: Whether lower values of the metric are better.
    """

    def __init__(self, settings: Rungs, epochs: int, *, minimize: bool) -> None:
        self.factor, self.sign = settings.reduction_factor, 1.0 if minimize else -1.0
        self.rungs = rungs_of(settings, epochs)
        self.best: dict[int, float] = {}
        self.passed: dict[int, int] = {}
        """For each trial under way how many rungs it was promoted from."""
        self.finished: list[float] = []
        """The values of the trials that were trained to their end."""
        self.dismissed: set[int] = set()

    def apply(self, event: Event) -> None:
        """Update what is known of the rungs."""
        if isinstance(event, Asked):
            self.passed[event.number] = 0
        elif isinstance(event, Reported):
            self._report(event)
        elif isinstance(event, Promoted):
            self.rungs[event.rung - 1].promoted.append(event.number)
            self.passed[event.number] = event.rung
        elif isinstance(event, Ended):
            self._end(event)

    def _report(self, event: Reported) -> None:
        number = event.number
        value = inf if event.value is None else self.sign * event.value
        self.best[number] = min(value, self.best.get(number, inf))
        for rung in self.rungs:
            if rung.epoch == event.epoch:
                rung.values[number] = self.best[number]

    def _end(self, event: Ended) -> None:
        self.passed.pop(event.number, None)
        if event.state == "pruned":
            self.dismissed.add(event.number)
            return
        failed = event.state == "failed" or event.value is None
        value = inf if failed else self.best[event.number]
        if not failed:
            self.finished.append(value)
        # What ended early counts at every rung, so that no generation waits for it.
        for rung in self.rungs:
            rung.values.setdefault(event.number, value)

    def pauses_at(self, number: int) -> int | None:
        """Return the epoch of the next rung of a trial, where it is paused; None beyond the last."""
        passed = self.passed.get(number, 0)
        return self.rungs[passed].epoch if passed < len(self.rungs) else None

    def paused(self, number: int) -> bool:
        """Return whether a trial has reached its next rung."""
        passed = self.passed.get(number)
        return passed is not None and passed < len(self.rungs) and number in self.rungs[passed].values

    def promotion(self, evidence: Evidence) -> Promoted | None:
        """Return the paused trial that goes on: the best at the rung where a place is free."""
        for place, rung in self._open(evidence):
            # One that has ended takes the place that it would have had.
            best = next(filter(self.paused, self._chosen(rung, evidence)), None)
            if best is not None:
                return Promoted(best, place + 1)
        if evidence == "generations" or not all(map(self.paused, self.passed)):
            return None
        return self._leader()

    def _open(self, evidence: Evidence) -> Iterator[tuple[int, Rung]]:
        """Iterate over the rungs at which is decided now; a generation is brought to its end first."""
        if evidence in ("generations", "partial"):
            yield from reversed(list(enumerate(self.rungs)))
        elif evidence == "complete":
            for place, rung in enumerate(self.rungs):
                if any(passed <= place and not self.paused(n) for n, passed in self.passed.items()):
                    return
                yield place, rung

    def _chosen(self, rung: Rung, evidence: Evidence) -> list[int]:
        """Return the best that were not promoted from a rung, in order, as many as there are places."""
        free = rung.quota(evidence, self.factor) - len(rung.promoted)
        if free <= 0:
            return []
        candidates = rung.values.keys() - set(rung.promoted) - self.dismissed
        return nsmallest(free, candidates, key=lambda number: (rung.values[number], number))

    def _leader(self) -> Promoted | None:
        """Promote the best of all trials while none that was trained to its end is as good."""
        number = min(self.passed, key=lambda n: (self.best[n], n), default=None)
        if number is None or self.best[number] >= min(self.finished, default=inf):
            return None
        return Promoted(number, self.passed[number] + 1)

    def dismissal(self, number: int) -> Stop:
        """Return at which rung a paused trial was left, and the value of the last one promoted there."""
        passed = self.passed[number]
        rung = self.rungs[passed]
        value, last = rung.values[number], rung.promoted[-1:]
        cutoff = rung.values[last[0]] if last else value
        pruning = Pruning(rung.epoch, self.sign * value, self.sign * cutoff, len(rung.values), passed + 1)
        told = (
            f"paused at rung {passed + 1} (epoch {rung.epoch}) with {pruning.value:.4g}: "
            f"{len(rung.promoted)} of {len(rung.values)} trials went on from there"
        )
        return Stop(f"{told}, the last with {pruning.cutoff:.4g}" if last else told, pruning)
