"""The coordinator: asks the scheduler, hands members to workers, hears reports, decides.

Time is logical: a tick is one epoch of the members under way in a worker. What is decided is a function of
the log, which alone is asked on resume, so that a study does not depend on how often it was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from typing import Any

from hpsearch.engines.interface import Worker
from hpsearch.engines.messages import Start, TickOrder, TickResult, WeightsOrder
from hpsearch.engines.pool import WorkerPool
from hpsearch.engines.single_member import EPOCHS_AHEAD
from hpsearch.exceptions import StudyMismatchError, WorkerDiedError, WorkerError
from hpsearch.scheduling.interface import Done, Evidence, Pause, StartTrial, Stop
from hpsearch.spec.sections.constraints import PARAMETERS
from hpsearch.store.events import Asked, Ended, Event, Lost, Pruning, State
from hpsearch.store.loggers.logs import TrialLogs
from hpsearch.store.resolved import Resolved, told_of_beginning
from hpsearch.store.writer import StudyWriter
from hpsearch.study.budget import Budget
from hpsearch.study.paused_trials import PausedTrials
from hpsearch.study.progress import Display, Outcome
from hpsearch.study.slots import WorkerSlots
from hpsearch.study.snapshots import SnapshotClock
from hpsearch.study.state import StudyState
from hpsearch.study.trial import RunningTrial
from hpsearch.training.messages import EpochReport


class Coordinator:
    """Runs one study to the end of its budget, or until `stopping` is set."""

    def __init__(
        self, resolved: Resolved, pool: WorkerPool, writer: StudyWriter, display: Display, logs: TrialLogs
    ) -> None:
        self.pool, self.writer, self.display, self.logs = pool, writer, display, logs
        self.search, self.beginning = resolved.spec.search, resolved
        self.state = StudyState(resolved)
        self.budget = Budget(self.search)
        self.width = resolved.decisions.width or 1
        self._noted: set[str] = set()
        count = len(pool.workers)
        self.all_slots = [WorkerSlots(worker, clock=SnapshotClock(count)) for worker in pool.workers]
        self.free, self.heard = list(self.all_slots), list[WorkerSlots]()
        self.busy: dict[Worker, WorkerSlots] = {}
        self.paused = PausedTrials(writer)
        self.waiting: list[RunningTrial] = []
        self.done: Done | None = None
        self.stopping = False
        self._told_ends = 0

    # The life of a study

    def run(self) -> Outcome:
        """Go on from the log to the end of the budget."""
        try:
            self._replay()
            while not self.stopping:
                self._submit_all()
                if not self.busy:
                    self._dismiss_paused()
                self._write_down()
                if not self.busy:
                    break
                self._wait()
            self._pause()
            self._write_down()
            self.paused.save()
            return self._outcome()
        finally:
            self.writer.close()
            self.logs.close()

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
        paused = {trial.number for trial in self.state.paused}
        self.waiting = [trial for number, trial in self.state.running.items() if number not in paused]
        self.writer.checkpoints.keep_only(set(self.state.running))

    def _outcome(self) -> Outcome:
        if self.state.hopeless is not None:
            return "hopeless"
        if self.stopping and (self.state.running or self._may_ask()):
            return "interrupted"
        if len(self.state.ended) >= self.search.trials:
            return "finished"
        return "timeout" if self.done is None else self.done.reason

    def _may_ask(self) -> bool:
        return self.done is None and self.budget.allows(self.state.asked) and self.state.hopeless is None

    def _pause(self) -> None:
        """Save the trials under way, so that the study goes on from here."""
        for slots in self.all_slots:
            if slots.worker in self.busy:
                self._hear(slots)
            if slots.started:
                order = TickOrder(stop=tuple(slots.leaving), snapshot=tuple(slots.started))
                # Without a snapshot they go on from the one before.
                with suppress(WorkerError):
                    slots.states = slots.worker.do(order).states
                    self.heard.append(slots)

    # Handing out work

    def _submit_all(self) -> None:
        """Give the workers that wait something to do; where one without a trial gets none, no other does."""
        waiting, self.free, nothing_left = self.free, [], False
        for slots in waiting:
            if slots.trials or not nothing_left:
                self._submit(slots)
            if not slots.trials:
                nothing_left = True
                self.free.append(slots)

    def _submit(self, slots: WorkerSlots) -> None:
        while len(slots.trials) < self.width and (trial := self._next_trial(slots)) is not None:
            slots.trials[trial.number] = trial
        if not slots.trials:
            return
        arriving = tuple(self._start(trial) for trial in slots.arriving())
        slots.asked_for = slots.next_members()
        snapshot = slots.asked_for if slots.clock.due else self._pausing(slots)
        order = TickOrder(
            tuple(slots.leaving), arriving, slots.asked_for, self._epochs_ahead(slots), snapshot
        )
        slots.leaving = []
        self.busy[slots.worker], slots.submitted_at = slots, time.monotonic()
        slots.worker.submit(order)

    def _epochs_ahead(self, slots: WorkerSlots) -> int:
        """Count the epochs for which nothing can be decided about the trials of a worker but their end."""
        free = not self.state.scheduler.may_stop and slots.suspect is None
        for trial in slots.trials.values():
            free = free and not trial.behind and trial.member.configuration.training.early_stopping is None
        if not free:
            return 1
        # The epoch before a pause has a tick of its own, which gives the state.
        left = (self._until_pause(trial) for trial in slots.trials.values())
        return max(min((epochs - 1 for epochs in left if epochs is not None), default=EPOCHS_AHEAD), 1)

    def _until_pause(self, trial: RunningTrial) -> int | None:
        epoch = self.state.scheduler.pauses_at(trial.number)
        return None if epoch is None else epoch - trial.trained

    def _pausing(self, slots: WorkerSlots) -> tuple[int, ...]:
        """Return the trials of a tick that may be paused behind it, so that their states must come back."""
        return tuple(number for number in slots.asked_for if self._until_pause(slots.trials[number]) == 1)

    def _next_trial(self, slots: WorkerSlots) -> RunningTrial | None:
        """Return the trial that takes a free place; while a loss is cleared up, nothing new is begun."""
        if self.waiting:
            return self.waiting.pop(0)
        if slots.suspect is not None:
            return None
        # The sampler may say only now that there is nothing left to begin.
        return self._promote(slots) or self._ask() or self._promote(slots)

    def _promote(self, slots: WorkerSlots) -> RunningTrial | None:
        """Return a paused trial that goes on."""
        promoted = self.state.scheduler.promotion(self._evidence(slots))
        if promoted is None:
            return None
        self._take(promoted)
        return self.state.running[promoted.number]

    def _evidence(self, slots: WorkerSlots) -> Evidence:
        if self._may_ask():
            return "generations"
        if self.budget.expired:
            return "leader"
        idle = not slots.trials and any(other.trials for other in self.all_slots)
        return "partial" if idle else "complete"

    def _ask(self) -> RunningTrial | None:
        if not self._may_ask():
            return None
        number = self.state.asked
        following = self.state.scheduler.next(number)
        if not isinstance(following, StartTrial):
            self.done = following if isinstance(following, Done) else None
            return None
        self._take(Asked(number, following.values, following.origin))
        return self.state.running[number]

    def _start(self, trial: RunningTrial) -> Start:
        limits = tuple(one for one in self.state.constraints if one.name == PARAMETERS)
        return Start(trial.member.dump(), self.paused.take(trial), limits=limits)

    # Hearing and deciding

    def _wait(self) -> None:
        """Wait until workers have their results, or one has been at a trial for too long."""
        limit, busy = self.search.trial_timeout, list(self.busy.values())
        late = busy[0] if limit is None else min(busy, key=lambda slots: slots.deadline(limit))
        deadline = late.deadline(limit)
        left = None if deadline == inf else max(0.0, deadline - time.monotonic())
        ready = self.pool.wait([slots.worker for slots in busy], left)
        for worker in ready:
            self._hear(self.busy[worker])
        if not ready:
            late.worker.kill()
            self._release(late)
            self._lose(late, self._too_long, at_once=True)

    @property
    def _too_long(self) -> str:
        return f"it exceeded trial_timeout, {self.search.trial_timeout:g} s"

    def _hear(self, slots: WorkerSlots) -> None:
        self._release(slots)
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

    def _release(self, slots: WorkerSlots) -> None:
        """Note that a worker is not busy any more."""
        del self.busy[slots.worker]
        self.free.append(slots)
        self.heard.append(slots)

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
            self._take(trial.reported(report))
        decision = self.state.scheduler.decide(trial.number) if report.failure is None else None
        if report.failure is not None:
            self._end(slots, trial, "failed", report.failure.told, violations=report.failure.violations)
        elif report.last or trial.stops_early:
            self._end(slots, trial, "complete")
        elif self.search.trial_timeout is not None and trial.seconds > self.search.trial_timeout:
            self._end(slots, trial, "failed", f"{self._too_long} (epoch {report.epoch})")
        elif isinstance(decision, Stop):
            self._end(slots, trial, "pruned", decision.reason, decision.pruning)
        elif isinstance(decision, Pause):
            self._pause_trial(slots, trial)

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
        violations: dict[str, float] | None = None,
    ) -> None:
        slots.remove(trial.number)
        self._conclude(trial, state, cause, pruning, violations)
        if self.state.leads(trial.number):
            weights = None
            with suppress(WorkerDiedError):
                weights = slots.worker.do(WeightsOrder(trial.number))
            self._keep(trial.number, weights)
        slots.leaving.append(trial.number)

    def _conclude(
        self,
        trial: RunningTrial,
        state: State,
        cause: str | None,
        pruning: Pruning | None = None,
        violations: dict[str, float] | None = None,
    ) -> None:
        found = None if state == "failed" else self.state.infeasibility(trial)
        if found is not None:
            cause, pruning, violations = found.cause, None, found.violations
        state = state if violations is None else "infeasible"
        self._take(trial.ended(state, cause, pruning, violations))

    def _keep(self, number: int, weights: Mapping[str, Any] | None) -> None:
        """Keep the weights of one of the best trials, and no longer those of another that was one before.

        Weights that were lost with their worker are trained again when they are needed.
        """
        if weights is not None:
            self.writer.keep_weights(self.state.ended[number], weights)
        self.writer.keep_only(leader.number for leader in self.state.leaders)

    def _pause_trial(self, slots: WorkerSlots, trial: RunningTrial) -> None:
        state = slots.states.get(trial.number)
        slots.remove(trial.number)
        slots.leaving.append(trial.number)
        if state is not None:
            self.paused.put(trial, state)

    def _dismiss_paused(self) -> None:
        """End the trials that are paused when nothing is left to train."""
        for trial in self.state.paused:
            left = self.state.scheduler.dismissal(trial.number)
            state = self.paused.take(trial)
            self._conclude(trial, "pruned", left.reason, left.pruning)
            if self.state.leads(trial.number):
                self._keep(trial.number, None if state is None else state.best_weights)

    # Losing a worker

    def _lose(self, slots: WorkerSlots, cause: str, *, at_once: bool) -> None:
        """Go on without what a worker had under way.

        A trial that was by itself is the cause: it is recorded as failed `at_once`, or where a worker died,
        which may have other causes, the second time. Of several each is tried by itself.
        """
        lost = [slots.trials[number] for number in slots.asked_for]
        if len(lost) == 1 and (at_once or lost[0].lost):
            slots.remove(lost[0].number)
            self._conclude(lost[0], "failed", cause)
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
        heard, self.heard = self.heard, []
        for slots in heard:
            if slots.states:
                slots.clock.saved(slots.states_seconds + self.writer.save(slots.states, slots.trials))
                slots.states = {}
        self.paused.tidy()
        for event in events:
            self._project(event)
            self._show(event)
        self.display.advanced(self.state)

    def _project(self, event: Event) -> None:
        """Tell the Optuna storage and the loggers what is in the log."""
        for heard in (self.writer.background, self.logs):
            heard.apply(event, self.state.ended.get(event.number))

    def _show(self, event: Event) -> None:
        """Tell the display what is in the log now."""
        if isinstance(event, Ended):
            self._told_ends += 1
            best = next(iter(self.state.leaders), None)
            self.display.ended(self.state.ended[event.number], best, self._told_ends)
        elif isinstance(event, Lost):
            self.display.note(f"trial {event.number} continues from its checkpoint: {event.cause}")
