"""The coordinator: asks the scheduler, hands members to workers, hears reports, decides.

Time is logical: a tick is one epoch of the members under way in a worker. What is decided is a function of
the log, which alone is asked on resume, so that a study does not depend on how often it was interrupted.
"""

from __future__ import annotations

import time
from contextlib import suppress
from math import inf

from hpsearch.engines.messages import Start, TickOrder, TickResult, WeightsOrder
from hpsearch.engines.pool import WorkerPool
from hpsearch.engines.single_member import EPOCHS_AHEAD
from hpsearch.exceptions import StudyMismatchError, WorkerDiedError, WorkerError
from hpsearch.scheduling.interface import Done, StartTrial, Stop
from hpsearch.store.events import Asked, Ended, Event, Lost, Pruning, Reported, State
from hpsearch.store.record import finite
from hpsearch.store.resolved import Resolved, told_of_beginning
from hpsearch.store.writer import StudyWriter
from hpsearch.study.budget import Budget
from hpsearch.study.progress import Display, Outcome
from hpsearch.study.slots import WorkerSlots
from hpsearch.study.state import StudyState
from hpsearch.study.trial import RunningTrial
from hpsearch.training.messages import EpochReport


class Coordinator:
    """Runs one study to the end of its budget, or until `stopping` is set."""

    def __init__(self, resolved: Resolved, pool: WorkerPool, writer: StudyWriter, display: Display) -> None:
        self.pool, self.writer, self.display = pool, writer, display
        self.search, self.beginning = resolved.spec.search, resolved
        self.state = StudyState(resolved)
        self.budget = Budget(self.search)
        self.width = resolved.decisions.width or 1
        self._noted: set[str] = set()
        self.all_slots = [WorkerSlots(worker) for worker in pool.workers]
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
                for slots in self.all_slots:
                    if not slots.busy:
                        self._submit(slots)
                self._write_down()
                busy = [slots for slots in self.all_slots if slots.busy]
                if not busy:
                    break
                self._wait(busy)
            self._pause()
            self._write_down()
            return self._outcome()
        finally:
            self.writer.close()

    def _replay(self) -> None:
        """Go on from what the log knows."""
        events = self.writer.open()
        for damage in self.writer.log.damage:
            self.display.note(f"warning: {damage}")
        self.budget = Budget(self.search, self.writer.log.elapsed)
        self.state.replay(events)
        for event in events:
            self._project(event)
        self._told_ends = len(self.state.ended)
        self.waiting = [*self.state.running.values()]
        self.writer.checkpoints.keep_only(set(self.state.running))

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
        for slots in self.all_slots:
            if slots.busy:
                self._hear(slots)
            if slots.started:
                order = TickOrder(stop=tuple(slots.leaving), snapshot=tuple(slots.started))
                # Without a snapshot they go on from the one before.
                with suppress(WorkerError):
                    slots.states = slots.worker.do(order).states

    # Handing out work

    def _submit(self, slots: WorkerSlots) -> None:
        while len(slots.trials) < self.width and (trial := self._next_trial(slots)) is not None:
            slots.trials[trial.number] = trial
        if not slots.trials:
            return
        arriving = tuple(self._start(trial) for trial in slots.arriving())
        slots.asked_for = slots.next_members()
        snapshot = slots.asked_for if slots.clock.due else ()
        order = TickOrder(
            tuple(slots.leaving), arriving, slots.asked_for, self._epochs_ahead(slots), snapshot
        )
        slots.leaving = []
        slots.busy, slots.submitted_at = True, time.monotonic()
        slots.worker.submit(order)

    def _epochs_ahead(self, slots: WorkerSlots) -> int:
        """Count the epochs for which nothing can be decided about the trials of a worker but their end."""
        free = not self.state.scheduler.may_stop and slots.suspect is None
        for trial in slots.trials.values():
            free = free and not trial.behind and trial.member.configuration.training.early_stopping is None
        return EPOCHS_AHEAD if free else 1

    def _next_trial(self, slots: WorkerSlots) -> RunningTrial | None:
        """Return the trial that takes a free place; while a loss is cleared up, nothing new is begun."""
        if self.waiting:
            return self.waiting.pop(0)
        return self._ask() if self._may_ask() and slots.suspect is None else None

    def _ask(self) -> RunningTrial | None:
        number = self.state.asked
        following = self.state.scheduler.next(number)
        if not isinstance(following, StartTrial):
            self.exhausted = isinstance(following, Done)
            return None
        self._take(Asked(number, following.values))
        return self.state.running[number]

    def _start(self, trial: RunningTrial) -> Start:
        stored = self.writer.load(trial)
        if stored is None:
            return Start(trial.member.dump())
        state, trial.trained = stored
        return Start(trial.member.dump(), state)

    # Hearing and deciding

    def _wait(self, busy: list[WorkerSlots]) -> None:
        """Wait until a worker has its result, or has been at a trial for too long."""
        limit = self.search.trial_timeout
        late = min(busy, key=lambda slots: slots.deadline(limit))
        deadline = late.deadline(limit)
        left = None if deadline == inf else max(0.0, deadline - time.monotonic())
        ready = self.pool.wait([slots.worker for slots in busy], left)
        if ready is not None:
            self._hear(next(slots for slots in busy if slots.worker is ready))
            return
        late.worker.kill()
        self._lose(late, self._too_long, at_once=True)

    @property
    def _too_long(self) -> str:
        return f"it exceeded trial_timeout, {self.search.trial_timeout:g} s"

    def _hear(self, slots: WorkerSlots) -> None:
        slots.busy = False
        begun = time.monotonic()
        try:
            result: TickResult = slots.worker.result()
        except WorkerError as failure:
            self._lose(slots, str(failure), at_once=not isinstance(failure, WorkerDiedError))
            return
        for note in result.notes:
            self._note_once(note)
        if result.states:
            slots.states = result.states
            slots.states_seconds = result.snapshot_seconds + time.monotonic() - begun
        for report in result.reports:
            # Of a trial that took too long the worker may have gone on to tell.
            if report.number in slots.trials:
                self._decide(slots, slots.trials[report.number], report)

    def _note_once(self, note: str) -> None:
        if note not in self._noted:
            self._noted.add(note)
            self.display.note(note)

    def _decide(self, slots: WorkerSlots, trial: RunningTrial, report: EpochReport) -> None:
        if trial.behind and report.metrics:
            self._catch_up(trial, report)
            return
        trial.trained += 1
        if report.metrics:
            self._take(reported(trial, report))
        decision = self.state.scheduler.decide(trial.number) if report.failure is None else None
        if report.failure is not None:
            self._end(slots, trial, "failed", report.failure.told)
        elif report.last or trial.stops_early:
            self._end(slots, trial, "complete")
        elif self.search.trial_timeout is not None and trial.seconds > self.search.trial_timeout:
            self._end(slots, trial, "failed", f"{self._too_long} (epoch {report.epoch})")
        elif isinstance(decision, Stop):
            self._end(slots, trial, "pruned", decision.reason, decision.pruning)

    def _catch_up(self, trial: RunningTrial, report: EpochReport) -> None:
        """Hear a report that the tick log has already, with no end behind it: the decision was to go on."""
        agreed = trial.catch_up(report)
        where = (
            f"trial {trial.number} has a different value at epoch {report.epoch} than before the interruption"
        )
        if agreed == "contradictory":
            raise StudyMismatchError(
                f"{where}, by more than rounding, so continuing would mix two experiments: use the "
                f"versions and the machine that it was started with ({told_of_beginning(self.beginning)}), "
                "or start over with --new"
            )
        if agreed == "rounded":
            self.display.note(f"warning: {where}, by a rounding; has the machine or a library changed?")

    def _end(
        self,
        slots: WorkerSlots,
        trial: RunningTrial,
        state: State,
        cause: str | None = None,
        pruning: Pruning | None = None,
    ) -> None:
        self._conclude(slots, trial, state, cause, pruning)
        if self.state.leads(trial.number):
            # Weights that are lost with the worker are trained again when they are needed.
            with suppress(WorkerDiedError):
                record = self.state.ended[trial.number]
                self.writer.keep_weights(record, slots.worker.do(WeightsOrder(trial.number)))
            self.writer.keep_only(leader.number for leader in self.state.leaders)
        slots.leaving.append(trial.number)

    def _conclude(
        self,
        slots: WorkerSlots,
        trial: RunningTrial,
        state: State,
        cause: str | None,
        pruning: Pruning | None = None,
    ) -> None:
        del slots.trials[trial.number]
        slots.started.discard(trial.number)
        value = None if trial.best_value is None or state == "failed" else finite(trial.best_value)
        best_epoch = None if value is None else trial.best_epoch
        seconds = round(trial.seconds, 3)
        self._take(Ended(trial.number, state, value, len(trial.epochs), best_epoch, seconds, cause, pruning))

    # Losing a worker

    def _lose(self, slots: WorkerSlots, cause: str, *, at_once: bool) -> None:
        """Go on without what a worker had under way.

        A trial that was by itself is the cause: it is recorded as failed `at_once`, or where a worker died,
        which may have other causes, the second time. Of several each is tried by itself.
        """
        slots.busy = False
        lost = [slots.trials[number] for number in slots.asked_for]
        if len(lost) == 1 and (at_once or lost[0].lost):
            self._conclude(slots, lost[0], "failed", cause)
        else:
            for trial in lost:
                self._take(Lost(trial.number, cause))
        self.waiting = sorted([*self.waiting, *slots.clear()], key=lambda trial: trial.number)
        slots.worker = self.pool.renew(slots.worker)

    # Writing down what was decided

    def _take(self, event: Event) -> None:
        """Take in what was decided; it is written down when the workers are busy again."""
        self.state.apply(event)
        self.writer.note(event)

    def _write_down(self) -> None:
        """Write what was decided since the last time, while the workers are busy already.

        Nothing is lost if we die before: the same is decided again.
        """
        events = self.writer.write(self.budget.elapsed)
        for slots in self.all_slots:
            if slots.states:
                slots.clock.saved(slots.states_seconds + self.writer.save(slots.states, slots.trials))
                slots.states = {}
        for event in events:
            self._project(event)
            self._show(event)
        self.display.advanced([trial for slots in self.all_slots for trial in slots.trials.values()])

    def _project(self, event: Event) -> None:
        """Tell the Optuna storage what is in the log."""
        self.writer.background.apply(event, self.state.ended.get(event.number))

    def _show(self, event: Event) -> None:
        """Tell the display what is in the log now."""
        if isinstance(event, Ended):
            self._told_ends += 1
            best = next(iter(self.state.leaders), None)
            self.display.ended(self.state.ended[event.number], best, self._told_ends)
        elif isinstance(event, Lost):
            self.display.note(f"trial {event.number} continues from its checkpoint: {event.cause}")


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
