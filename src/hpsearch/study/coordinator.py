"""The coordinator: asks the scheduler, hands members to workers, hears reports, decides.

Time is logical: a tick is one epoch of the members under way in a worker. What is decided is a function of
the log, which alone is asked on resume, so that a study does not depend on how often it was interrupted.
"""

from __future__ import annotations

import time
from contextlib import suppress
from math import inf

from hpsearch.engines.messages import Start, TickOrder, TickResult, WeightsOrder
from hpsearch.engines.pool import Crew
from hpsearch.engines.single_member import EPOCHS_AHEAD
from hpsearch.exceptions import StudyMismatchError, WorkerDiedError, WorkerError
from hpsearch.scheduling.interface import Done, StartTrial, Stop
from hpsearch.store.events import Asked, Ended, Event, Lost, Pruning, Reported, State
from hpsearch.store.record import finite
from hpsearch.store.resolved import Resolved, told_of_beginning
from hpsearch.store.writer import Ledger
from hpsearch.study.budget import Budget
from hpsearch.study.progress import Display, Outcome
from hpsearch.study.slots import Desk
from hpsearch.study.state import StudyState
from hpsearch.study.trial import RunningTrial
from hpsearch.training.messages import EpochReport


class Coordinator:
    """Runs one study to the end of its budget, or until `stopping` is set."""

    def __init__(self, resolved: Resolved, crew: Crew, ledger: Ledger, display: Display) -> None:
        self.crew, self.ledger, self.display = crew, ledger, display
        self.search, self.beginning = resolved.spec.search, resolved
        self.state = StudyState(resolved)
        self.budget = Budget(self.search)
        self.slots = int(resolved.settings["width"])
        self.desks = [Desk(worker) for worker in crew.workers]
        self.waiting: list[RunningTrial] = []
        self.exhausted = False
        self.stopping = False
        self._told_ends = 0

    # The life of a study

    def run(self) -> Outcome:
        """Go on from the log to the end of the budget."""
        try:
            self._replay()
            while not self.stopping:
                for desk in self.desks:
                    if not desk.busy:
                        self._submit(desk)
                self._write_down()
                busy = [desk for desk in self.desks if desk.busy]
                if not busy:
                    break
                self._wait(busy)
            self._pause()
            self._write_down()
            return self._outcome()
        finally:
            self.ledger.close()

    def _replay(self) -> None:
        """Go on from what the log knows."""
        events = self.ledger.open()
        for damage in self.ledger.log.damage:
            self.display.note(f"warning: {damage}")
        self.budget = Budget(self.search, self.ledger.log.elapsed)
        self.state.replay(events)
        for event in events:
            self._project(event)
        self._told_ends = len(self.state.ended)
        self.waiting = [*self.state.running.values()]
        self.ledger.checkpoints.keep_only(set(self.state.running))

    def _outcome(self) -> Outcome:
        if self.state.hopeless is not None:
            return "hopeless"
        if self.stopping and (self.state.running or self._may_ask()):
            return "interrupted"
        if len(self.state.ended) >= self.search.trials:
            return "finished"
        return "exhausted" if self.exhausted else "timeout"

    def _may_ask(self) -> bool:
        return not self.exhausted and self.budget.allows(self.state.asked) and self.state.hopeless is None

    def _pause(self) -> None:
        """Save the trials under way, so that the study goes on from here."""
        for desk in self.desks:
            if desk.busy:
                self._hear(desk)
            if desk.started:
                order = TickOrder(stop=tuple(desk.leaving), snapshot=tuple(desk.started))
                # Without a snapshot they go on from the one before.
                with suppress(WorkerError):
                    desk.states = desk.worker.do(order).states

    # Handing out work

    def _submit(self, desk: Desk) -> None:
        while len(desk.trials) < self.slots and (trial := self._next_trial(desk)) is not None:
            desk.trials[trial.number] = trial
        if not desk.trials:
            return
        arriving = tuple(self._start(trial) for trial in desk.arriving())
        desk.asked_for = desk.next_members()
        snapshot = desk.asked_for if desk.clock.due else ()
        order = TickOrder(tuple(desk.leaving), arriving, desk.asked_for, self._epochs_ahead(desk), snapshot)
        desk.leaving = []
        desk.busy, desk.submitted_at = True, time.monotonic()
        desk.worker.submit(order)

    def _epochs_ahead(self, desk: Desk) -> int:
        """Count the epochs for which nothing can be decided about the trials of a desk but their end."""
        free = not self.state.scheduler.may_stop and desk.suspect is None
        for trial in desk.trials.values():
            free = free and not trial.behind and trial.member.configuration.training.early_stopping is None
        return EPOCHS_AHEAD if free else 1

    def _next_trial(self, desk: Desk) -> RunningTrial | None:
        """Give the trial that takes a free place; while a loss is cleared up, nothing new is begun."""
        if self.waiting:
            return self.waiting.pop(0)
        return self._ask() if self._may_ask() and desk.suspect is None else None

    def _ask(self) -> RunningTrial | None:
        number = self.state.asked
        following = self.state.scheduler.next(number)
        if not isinstance(following, StartTrial):
            self.exhausted = isinstance(following, Done)
            return None
        self._take(Asked(number, following.values))
        return self.state.running[number]

    def _start(self, trial: RunningTrial) -> Start:
        stored = self.ledger.load(trial)
        if stored is None:
            return Start(trial.member.dump())
        state, trial.trained = stored
        return Start(trial.member.dump(), state)

    # Hearing and deciding

    def _wait(self, busy: list[Desk]) -> None:
        """Wait until a worker has its result, or has been at a trial for too long."""
        limit = self.search.trial_timeout
        late = min(busy, key=lambda desk: desk.deadline(limit))
        deadline = late.deadline(limit)
        left = None if deadline == inf else max(0.0, deadline - time.monotonic())
        ready = self.crew.wait([desk.worker for desk in busy], left)
        if ready is not None:
            self._hear(next(desk for desk in busy if desk.worker is ready))
            return
        late.worker.kill()
        self._lose(late, self._too_long, at_once=True)

    @property
    def _too_long(self) -> str:
        return f"it took longer than trial_timeout, {self.search.trial_timeout:g} s"

    def _hear(self, desk: Desk) -> None:
        desk.busy = False
        begun = time.monotonic()
        try:
            result: TickResult = desk.worker.result()
        except WorkerError as failure:
            self._lose(desk, str(failure), at_once=not isinstance(failure, WorkerDiedError))
            return
        if result.states:
            desk.states = result.states
            desk.states_seconds = result.snapshot_seconds + time.monotonic() - begun
        for report in result.reports:
            # Of a trial that took too long the worker may have gone on to tell.
            if report.number in desk.trials:
                self._decide(desk, desk.trials[report.number], report)

    def _decide(self, desk: Desk, trial: RunningTrial, report: EpochReport) -> None:
        if trial.behind and report.metrics:
            self._catch_up(trial, report)
            return
        trial.trained += 1
        if report.metrics:
            self._take(reported(trial, report))
        decision = self.state.scheduler.decide(trial.number) if report.failure is None else None
        if report.failure is not None:
            self._end(desk, trial, "failed", report.failure.told)
        elif report.last or trial.stops_early:
            self._end(desk, trial, "complete")
        elif self.search.trial_timeout is not None and trial.seconds > self.search.trial_timeout:
            self._end(desk, trial, "failed", f"{self._too_long} (epoch {report.epoch})")
        elif isinstance(decision, Stop):
            self._end(desk, trial, "pruned", decision.reason, decision.pruning)

    def _catch_up(self, trial: RunningTrial, report: EpochReport) -> None:
        """Hear a report that the tick log has already, with no end behind it: the decision was to go on."""
        agreed = trial.catch_up(report)
        where = (
            f"trial {trial.number} gave another value at epoch {report.epoch} than before it was interrupted"
        )
        if agreed == "contradictory":
            raise StudyMismatchError(
                f"{where}, beyond rounding, so that the study would mix two: go on with the versions and on "
                f"the machine of its beginning ({told_of_beginning(self.beginning)}), or start over "
                "with --new"
            )
        if agreed == "rounded":
            self.display.note(f"warning: {where}, by a rounding; has the machine or a library changed?")

    def _end(
        self,
        desk: Desk,
        trial: RunningTrial,
        state: State,
        cause: str | None = None,
        pruning: Pruning | None = None,
    ) -> None:
        self._conclude(desk, trial, state, cause, pruning)
        if self.state.leads(trial.number):
            # Weights that are lost with the worker are trained again when they are needed.
            with suppress(WorkerDiedError):
                record = self.state.ended[trial.number]
                self.ledger.keep_weights(record, desk.worker.do(WeightsOrder(trial.number)))
            self.ledger.keep_only(leader.number for leader in self.state.leaders)
        desk.leaving.append(trial.number)

    def _conclude(
        self,
        desk: Desk,
        trial: RunningTrial,
        state: State,
        cause: str | None,
        pruning: Pruning | None = None,
    ) -> None:
        del desk.trials[trial.number]
        desk.started.discard(trial.number)
        value = None if trial.best_value is None or state == "failed" else finite(trial.best_value)
        best_epoch = None if value is None else trial.best_epoch
        seconds = round(trial.seconds, 3)
        self._take(Ended(trial.number, state, value, len(trial.epochs), best_epoch, seconds, cause, pruning))

    # Losing a worker

    def _lose(self, desk: Desk, cause: str, *, at_once: bool) -> None:
        """Go on without what a worker had under way.

        A trial that was by itself is the cause: it is recorded as failed `at_once`, or where a worker died,
        which may have other causes, the second time. Of several each is tried by itself.
        """
        desk.busy = False
        lost = [desk.trials[number] for number in desk.asked_for]
        if len(lost) == 1 and (at_once or lost[0].lost):
            self._conclude(desk, lost[0], "failed", cause)
        else:
            for trial in lost:
                self._take(Lost(trial.number, cause))
        self.waiting = sorted([*self.waiting, *desk.clear()], key=lambda trial: trial.number)
        desk.worker = self.crew.renew(desk.worker)

    # Writing down what was decided

    def _take(self, event: Event) -> None:
        """Take in what was decided; it is written down when the workers are busy again."""
        self.state.apply(event)
        self.ledger.note(event)

    def _write_down(self) -> None:
        """Write what was decided since the last time, while the workers are busy already.

        Nothing is lost if we die before: the same is decided again.
        """
        events = self.ledger.write(self.budget.elapsed)
        for desk in self.desks:
            if desk.states:
                desk.clock.saved(desk.states_seconds + self.ledger.save(desk.states, desk.trials))
                desk.states = {}
        for event in events:
            self._project(event)
            self._show(event)
        self.display.advanced([trial for desk in self.desks for trial in desk.trials.values()])

    def _project(self, event: Event) -> None:
        """Tell the Optuna storage what is in the log."""
        self.ledger.scribe.apply(event, self.state.ended.get(event.number))

    def _show(self, event: Event) -> None:
        """Tell the display what is in the log now."""
        if isinstance(event, Ended):
            self._told_ends += 1
            best = next(iter(self.state.leaders), None)
            self.display.ended(self.state.ended[event.number], best, self._told_ends)
        elif isinstance(event, Lost):
            self.display.note(f"trial {event.number} goes on from its checkpoint: {event.cause}")


def reported(trial: RunningTrial, report: EpochReport) -> Reported:
    """Make the event of an epoch's report."""
    return Reported(
        number=trial.number,
        epoch=report.epoch,
        value=report.metrics[trial.member.metric] if report.failure is None else None,
        metrics={name: finite(number) for name, number in report.metrics.items()},
        seconds=round(report.seconds, 6),
        probe=None if report.probe is None else report.probe.dump(),
    )
