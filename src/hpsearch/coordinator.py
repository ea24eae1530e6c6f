"""The coordinator: asks the sampler, hands members to workers, hears reports, decides, and writes the store.

Time is logical: a tick is one epoch of the members under way in a worker. What is decided is a function of
the tick log, which alone is asked on resume, so that a study does not depend on how often it was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hpsearch.display import Display, Outcome
from hpsearch.engines.job import Start, TickOrder, TickResult, WeightsOrder
from hpsearch.engines.worker import Worker, wait_for
from hpsearch.exceptions import WorkerError
from hpsearch.pruners import Judge, longest_run
from hpsearch.running import RunningTrial
from hpsearch.samplers import Experience, Suggester
from hpsearch.search_space import SearchSpace, Value
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.store.files import StudyFiles
from hpsearch.store.reading import trial_seed, trials_of, write_history
from hpsearch.store.record import State, TrialRecord, finite
from hpsearch.store.resolved import Resolved
from hpsearch.store.scribe import Scribe
from hpsearch.store.ticks import Event, TickLog
from hpsearch.training.member import EpochReport, Failure, Member, MemberState

SNAPSHOT_SECONDS = 5.0
"""A crash costs at most this much training, and the snapshots a small share of the time."""


@dataclass
class Desk:
    """A worker and the trials that it has under way."""

    worker: Worker
    trials: dict[int, RunningTrial] = field(default_factory=dict)
    arriving: list[Start] = field(default_factory=list)
    leaving: list[int] = field(default_factory=list)
    states: dict[int, MemberState] = field(default_factory=dict)
    asked_for: tuple[int, ...] = ()
    busy: bool = False
    saved_at: float = field(default_factory=time.monotonic)


class Coordinator:
    """Runs the search of one study to the end of its budget, or until `stopping` is set."""

    def __init__(
        self,
        files: StudyFiles,
        resolved: Resolved,
        workers: list[Worker],
        renew: Callable[[Worker], Worker],
        scribe: Scribe,
        display: Display,
    ) -> None:
        self.files, self.resolved, self.renew = files, resolved, renew
        self.scribe, self.display = scribe, display
        self.search = resolved.spec.search
        self.space = SearchSpace(resolved.spec)
        self.experience = Experience(resolved.spec, self.space)
        self.suggester = Suggester(resolved.spec, self.space, self.experience)
        longest = longest_run(resolved.spec, resolved.data.train_rows)
        self.judge = Judge(self.search.pruner, longest, self.experience)
        self.slots = int(resolved.settings["width"])
        self.log = TickLog(files.ticks)
        self.desks = [Desk(worker) for worker in workers]
        self.ended: dict[int, TrialRecord] = {}
        self.best: TrialRecord | None = None
        self.waiting: list[RunningTrial] = []
        self.asked = 0
        self.exhausted = False
        self.stopping = False
        self.events: list[Event] = []
        self.finished: list[RunningTrial] = []
        self.store_seconds = 0.0
        self._told_ends = 0
        self._begun = time.monotonic()

    # The life of a study

    def run(self) -> Outcome:
        """Go on from the tick log to the end of the budget."""
        self._replay(self.log.open())
        try:
            while not self.stopping:
                for desk in self.desks:
                    if not desk.busy:
                        self._submit(desk)
                self._write_down()
                busy = [desk for desk in self.desks if desk.busy]
                if not busy:
                    break
                ready = wait_for([desk.worker for desk in busy])
                self._hear(next(desk for desk in busy if desk.worker is ready))
            self._pause()
            self._write_down()
            return self._outcome()
        finally:
            self._close()

    def _outcome(self) -> Outcome:
        if self.stopping and not self._complete:
            return "interrupted"
        if self.exhausted and len(self.ended) < self.search.trials:
            return "exhausted"
        return "finished" if len(self.ended) >= self.search.trials else "timeout"

    @property
    def _complete(self) -> bool:
        under_way = any(desk.trials for desk in self.desks) or bool(self.waiting)
        return not under_way and not self._may_ask()

    def _may_ask(self) -> bool:
        in_time = self.search.timeout is None or self.elapsed < self.search.timeout
        return self.asked < self.search.trials and in_time and not self.exhausted

    @property
    def elapsed(self) -> float:
        """Count the seconds that the study has taken, over all its processes."""
        return self._elapsed_before + time.monotonic() - self._begun

    def _pause(self) -> None:
        """Save the trials under way, so that the study goes on from here."""
        for desk in self.desks:
            if desk.busy:
                self._hear(desk)
            if desk.trials:
                order = TickOrder(stop=tuple(desk.leaving), snapshot=tuple(desk.trials))
                desk.states = desk.worker.do(order).states

    def _close(self) -> None:
        self.log.close()
        with self._storing():
            self.scribe.close()

    # What the tick log knows

    def _replay(self, events: list[Event]) -> None:
        self._elapsed_before = self.log.elapsed
        for record in trials_of(self.resolved, events, self.files):
            if record.state != "running":
                self.ended[record.number] = record
                self._remember_best(record)
        self._told_ends = len(self.ended)
        reports: dict[int, list[float | None]] = {}
        for event in events:
            self._replay_event(event, reports)
        running = [number for number in reports if number not in self.ended]
        self.waiting = [self._running(number, reports[number]) for number in sorted(running)]

    def _replay_event(self, event: Event, reports: dict[int, list[float | None]]) -> None:
        number, kind = event["number"], event["kind"]
        if kind == "ask":
            self.experience.begin(number)
            if self.suggester.stateful:
                self.suggester.recall(number)
            self.suggester.take(number, event["values"])
            self.scribe.asked(number, event["values"])
            self.asked = number + 1
            reports[number] = []
        elif kind == "report":
            reports[number].append(event["value"])
            self._experienced(number, event["epoch"], event["value"])
            if event["value"] is not None:
                self.scribe.reported(number, event["epoch"], event["value"])
        else:
            self.experience.tell(number, event["state"], event["value"])
            self.scribe.ended(self.ended[number])

    def _running(self, number: int, known: list[float | None]) -> RunningTrial:
        values = self.experience.values(number)
        member = self._member(number, values)
        return RunningTrial(member, values, known)

    def _member(self, number: int, values: dict[str, Value]) -> Member:
        search = self.search
        seed = trial_seed(search.seed, number)
        return Member(number, self.space.configuration(values), seed, search.metric, search.direction)

    def _experienced(self, number: int, epoch: int, value: float | None) -> bool:
        """Take a report into the experience and tell whether the pruner ends the trial."""
        if value is None:
            return False
        self.experience.report(number, epoch, value)
        return self.judge.prunes(number)

    # Handing out work

    def _submit(self, desk: Desk) -> None:
        while len(desk.trials) < self.slots and (self.waiting or self._may_ask()):
            trial = self.waiting.pop(0) if self.waiting else self._ask()
            if trial is not None:
                desk.trials[trial.number] = trial
                desk.arriving.append(self._start(trial))
        if not desk.trials:
            return
        behind = tuple(number for number, trial in desk.trials.items() if trial.behind)
        desk.asked_for = behind or tuple(desk.trials)
        snapshot = desk.asked_for if self._snapshot_is_due(desk) else ()
        order = TickOrder(tuple(desk.leaving), tuple(desk.arriving), desk.asked_for, snapshot)
        desk.worker.submit(order)
        desk.arriving.clear()
        desk.leaving.clear()
        desk.busy = True

    def _snapshot_is_due(self, desk: Desk) -> bool:
        return time.monotonic() - desk.saved_at > SNAPSHOT_SECONDS

    def _ask(self) -> RunningTrial | None:
        number = self.asked
        values = self.suggester.suggest(number)
        if values is None:
            self.exhausted = True
            return None
        self.asked += 1
        self.events.append({"kind": "ask", "number": number, "values": values})
        return self._running(number, [])

    def _start(self, trial: RunningTrial) -> Start:
        stored = read_arrays(self.files.checkpoint(trial.number))
        if stored is None:
            return Start(trial.member.dump())
        arrays, progress = stored
        trial.restore(progress["epochs"])
        return Start(trial.member.dump(), MemberState(arrays, progress["trainer"]))

    # Hearing and deciding

    def _hear(self, desk: Desk) -> None:
        desk.busy = False
        try:
            result: TickResult = desk.worker.result()
        except WorkerError as failure:
            self._lose(desk, str(failure))
            return
        for report in result.reports:
            self._decide(desk, desk.trials[report.number], report)
        desk.states = result.states

    def _decide(self, desk: Desk, trial: RunningTrial, report: EpochReport) -> None:
        if trial.behind:
            self._catch_up(trial, report)
            return
        trial.hear(report)
        number, epoch = trial.number, report.epoch
        value = report.metrics[trial.member.metric] if report.failure is None else None
        trial.known.append(value)
        self.events.append({"kind": "report", "number": number, "epoch": epoch, "value": value})
        pruned = self._experienced(number, epoch, value)
        if report.failure is not None:
            self._end(desk, trial, "failed", _told(report.failure))
        elif trial.finished:
            self._end(desk, trial, "complete")
        elif pruned:
            self._end(desk, trial, "pruned", f"pruned by {self.judge.name} at epoch {epoch}")

    def _catch_up(self, trial: RunningTrial, report: EpochReport) -> None:
        """Hear a report that the tick log has already, with no end behind it: the decision was to go on."""
        trial.hear(report)
        if report.metrics[trial.member.metric] != trial.known[report.epoch - 1]:
            self.display.note(
                f"warning: trial {trial.number} gave another value at epoch {report.epoch} than before it "
                "was interrupted; has the machine or a library changed?"
            )

    def _end(self, desk: Desk, trial: RunningTrial, state: State, cause: str | None = None) -> None:
        record = self._record(trial, state, cause)
        if self._remember_best(record):
            weights = desk.worker.do(WeightsOrder(trial.number))
            with self._storing():
                self._keep_weights(record, weights)
        desk.leaving.append(trial.number)
        self._conclude(desk, trial, record)

    def _conclude(self, desk: Desk, trial: RunningTrial, record: TrialRecord) -> None:
        self.experience.tell(record.number, record.state, record.value)
        del desk.trials[record.number]
        self.ended[record.number] = record
        self.finished.append(trial)
        names = ("number", "state", "value", "epochs", "best_epoch", "seconds", "cause")
        self.events.append({"kind": "end", **{name: getattr(record, name) for name in names}})

    def _record(self, trial: RunningTrial, state: State, cause: str | None) -> TrialRecord:
        value = None if trial.best_value is None or state == "failed" else finite(trial.best_value)
        return TrialRecord(
            number=trial.number,
            state=state,
            value=value,
            parameters=trial.values,
            configuration=trial.member.configuration,
            epochs=len(trial.epochs),
            best_epoch=None if value is None else trial.best_epoch,
            seconds=round(trial.seconds, 3),
            seed=trial.member.seed,
            cause=cause,
        )

    def _remember_best(self, record: TrialRecord) -> bool:
        """Take a trial as the best if it is; of equal ones the first stays."""
        if record.value is None:
            return False
        best, minimize = self.best, self.search.direction == "minimize"
        better = best is None or best.value is None
        if best is not None and best.value is not None:
            better = record.value < best.value if minimize else record.value > best.value
        if better:
            self.best = record
        return better

    def _lose(self, desk: Desk, cause: str) -> None:
        """Record the trials that a worker could not go on with, and put a new worker in its place."""
        for number in desk.asked_for:
            trial = desk.trials[number]
            self._conclude(desk, trial, self._record(trial, "failed", cause))
        desk.worker = self.renew(desk.worker)
        self.waiting += [self._running(n, trial.known) for n, trial in desk.trials.items()]
        desk.trials.clear()
        desk.arriving.clear()
        desk.leaving.clear()

    # Writing down what was decided

    def _write_down(self) -> None:
        """Write what was decided since the last time, while the workers are busy already.

        Nothing is lost if we die before: the same is decided again. Histories come before the tick log,
        because an end in the log promises one; checkpoints come behind it, because none may know more than
        the log.
        """
        with self._storing():
            for trial in self.finished:
                write_history(self.files, trial.number, trial.epochs)
            self.log.append(self.events, self.elapsed)
            for trial in self.finished:
                self.files.checkpoint(trial.number).unlink(missing_ok=True)
            for desk in self.desks:
                self._save(desk)
        self._show()
        self.events.clear()
        self.finished.clear()

    def _show(self) -> None:
        """Tell the storage and the display what is in the tick log now."""
        for event in self.events:
            number = event["number"]
            if event["kind"] == "ask":
                self.scribe.asked(number, event["values"])
            elif event["kind"] == "end":
                self.scribe.ended(self.ended[number])
                self._told_ends += 1
                self.display.ended(self.ended[number], self.best, self._told_ends)
            elif event["value"] is not None:
                self.scribe.reported(number, event["epoch"], event["value"])
        self.display.advanced([trial for desk in self.desks for trial in desk.trials.values()])

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """Count the time that the store takes."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.store_seconds += time.monotonic() - begun

    def _save(self, desk: Desk) -> None:
        for number, state in desk.states.items():
            if number in desk.trials:
                progress = {"trainer": state.progress, "epochs": desk.trials[number].epochs}
                write_arrays(self.files.checkpoint(number), state.arrays, progress)
        if desk.states:
            desk.saved_at = time.monotonic()
            desk.states = {}

    def _keep_weights(self, record: TrialRecord, weights: Any) -> None:
        path = self.files.weights(record.number)
        write_arrays(path, dict(weights), {"number": record.number})
        for other in path.parent.glob("*.npz"):
            if other != path:
                other.unlink(missing_ok=True)


def _told(failure: Failure) -> str:
    step = "" if failure.step is None else f", step {failure.step}"
    return f"{failure.cause} (epoch {failure.epoch}{step})"
