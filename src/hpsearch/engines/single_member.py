"""One member, trained by a worker without others beside it, to an epoch or to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hpsearch.engines.interface import Worker
from hpsearch.engines.messages import Start, TickOrder, TickResult
from hpsearch.training.messages import EpochReport, Failure, Member, MemberState, RefitRun

EPOCHS_AHEAD = 1_000
"""Epochs that a worker may go on for a moment where nothing is decided between them."""


class SingleMember:
    """A member that a worker trains, which has nothing else to do, and keeps it until it is stopped.

    It goes on from a `state`, or begins; a winner is trained once more as `refit` says. `done` counts the
    epochs since then.
    """

    def __init__(
        self,
        worker: Worker,
        member: Member,
        *,
        state: MemberState | None = None,
        refit: RefitRun | None = None,
    ) -> None:
        self.worker, self.number, self.done = worker, member.number, 0
        self._start: tuple[Start, ...] = (Start(member.dump(), state, refit),)

    def train(
        self,
        epochs: int | None = None,
        *,
        snapshot_due: Callable[[], bool] = lambda: False,
        save: Callable[[TickResult], None] = lambda _: None,
    ) -> Failure | None:
        """Train to an epoch, or to the end of the run.

        Args:
            epochs: How many are to be done in all; None trains to the end.
            snapshot_due: Asked before each order whether the member's state is to come back.
            save: Takes each result but the last, with the state that came back.

        Returns:
            Why the member cannot go on; None where it came to the epoch or its end.
        """
        reports = self.reports(epochs, snapshot_due=snapshot_due, save=save)
        return next((one.failure for one in reports if _ends(one)), None)

    def reports(
        self,
        epochs: int | None = None,
        *,
        snapshot_due: Callable[[], bool] = lambda: False,
        save: Callable[[TickResult], None] = lambda _: None,
    ) -> Iterator[EpochReport]:
        """Train as `train` does, and yield the report of each epoch."""
        while self._start or epochs is None or self.done < epochs:
            ahead = EPOCHS_AHEAD if epochs is None else epochs - self.done
            told = self._advance(ahead, snapshot=snapshot_due())
            yield from told.reports
            if any(map(_ends, told.reports)):
                return
            save(told)

    def _advance(self, epochs: int, *, snapshot: bool) -> TickResult:
        number = (self.number,)
        order = TickOrder((), self._start, number, epochs, number if snapshot else ())
        told: TickResult = self.worker.do(order)
        self._start = ()
        self.done += len(told.reports)
        return told

    def stop(self) -> None:
        """Let the worker drop the member."""
        self.worker.do(TickOrder(stop=(self.number,)))


def _ends(report: EpochReport) -> bool:
    return report.failure is not None or report.last
