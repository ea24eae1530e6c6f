"""One member, trained by a worker without others beside it, to an epoch or to its end."""

from __future__ import annotations

from collections.abc import Callable

from hpsearch.engines.interface import Worker
from hpsearch.engines.messages import Start, TickOrder, TickResult
from hpsearch.training.messages import Failure, Member, MemberState, RefitRun

EPOCHS_AHEAD = 1_000
"""Epochs that a worker may go on for a moment where nothing is decided between them."""


def train_alone(
    worker: Worker,
    member: Member,
    *,
    epochs: int | None = None,
    state: MemberState | None = None,
    refit: RefitRun | None = None,
    snapshot_due: Callable[[], bool] = lambda: False,
    save: Callable[[TickResult], None] | None = None,
) -> Failure | None:
    """Train a member, which its worker keeps until it is told to stop it.

    Args:
        worker: Trains it, and has nothing else to do.
        member: What is trained.
        epochs: Where to stop; None trains to the end of the run.
        state: Where it goes on from; None begins.
        refit: How a winner is trained once more.
        snapshot_due: Asked before each order whether its states are to come back.
        save: Takes each result but the last, with the states that came back.

    Returns:
        Why the member cannot go on; None where it came to its end.
    """
    start: tuple[Start, ...] = (Start(member.dump(), state, refit),)
    number, done = (member.number,), 0
    while epochs is None or done < epochs:
        ahead = EPOCHS_AHEAD if epochs is None else epochs - done
        snapshot = number if snapshot_due() else ()
        told: TickResult = worker.do(TickOrder((), start, number, ahead, snapshot))
        start = ()
        for report in told.reports:
            done += 1
            if report.failure is not None:
                return report.failure
            if report.last:
                return None
        if save is not None:
            save(told)
    if start:
        worker.do(TickOrder(start=start))
    return None
