"""The coordinator: asks the sampler, hands members to workers, hears reports, decides.

Time is logical: a tick is one epoch of the members under way in a worker. What is decided is a function of
the tick log, which alone is asked on resume, so that a study does not depend on how often it was interrupted.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from math import inf

from hpsearch.desk import Desk
from hpsearch.display import Display, Outcome
from hpsearch.engines.crew import Crew
from hpsearch.engines.job import Start, TickOrder, TickResult, WeightsOrder
from hpsearch.engines.worker import wait_for
from hpsearch.exceptions import WorkerDiedError, WorkerError
from hpsearch.ledger import Ledger
from hpsearch.pruners import Judge, longest_run
from hpsearch.replay import Replay
from hpsearch.running import RunningTrial
from hpsearch.samplers import Experience
from hpsearch.search_space import Value
from hpsearch.store.files import StudyFiles
from hpsearch.store.reading import trials_of
from hpsearch.store.record import Pruning, State, TrialRecord, finite, ranked
from hpsearch.store.resolved import Resolved
from hpsearch.store.ticks import Event
from hpsearch.suggestions import suggester_of
from hpsearch.training.member import EpochReport, Member

EPOCHS_AHEAD = 1_000
"""Epochs that a worker may go on for a moment where nothing can be decided between them."""

HOPELESS_TRIALS = 20
"""Trials that fail for one cause from the beginning on, after which a study is given up."""


class Coordinator:
    """Runs the search of one study to the end of its budget, or until `stopping` is set."""

    def __init__(
        self,
        files: StudyFiles,
        resolved: Resolved,
        crew: Crew,
        ledger: Ledger,
        display: Display,
    ) -> None:
        self.files, self.resolved, self.crew = files, resolved, crew
        self.ledger, self.display = ledger, display
        self.search = resolved.spec.search
        self.experiment = resolved.experiment
        self.experience = Experience(self.search, self.experiment.parameters)
        self.suggester = suggester_of(self.experiment, self.experience)
        longest = longest_run(self.experiment.trained, resolved.data.train_rows)
        self.judge = Judge(self.search.pruner, longest, self.experience)
        self.slots = int(resolved.settings["width"])
        self.desks = [Desk(worker) for worker in crew.workers]
        self.ended: dict[int, TrialRecord] = {}
        self.leaders: list[TrialRecord] = []
        self.waiting: list[RunningTrial] = []
        self.asked = 0
        self.exhausted = False
        self.stopping = False
        self.hopeless: str | None = None
        self._told_ends = 0
        self._begun = time.monotonic()

    # The life of a study

    def run(self) -> Outcome:
        """Go on from the tick log to the end of the budget."""
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

    def _outcome(self) -> Outcome:
        if self.hopeless is not None:
            return "hopeless"
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
        more = self.asked < self.search.trials and not self.exhausted
        return more and in_time and self.hopeless is None

    @property
    def elapsed(self) -> float:
        """Count the seconds that the study has taken, over all its processes."""
        return self._elapsed_before + time.monotonic() - self._begun

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

    def _replay(self) -> None:
        """Go on from what the tick log knows."""
        events = self.ledger.open()
        for damage in self.ledger.log.damage:
            self.display.note(f"warning: {damage}")
        self._elapsed_before = self.ledger.log.elapsed
        records = {record.number: record for record in trials_of(self.resolved, events)}
        for event in events:
            if event["kind"] == "end":
                self.ended[event["number"]] = records[event["number"]]
                self._lead(records[event["number"]])
        self._told_ends = len(self.ended)
        scribe = self.ledger.scribe
        replay = Replay(self.experience, self.suggester, self.judge, scribe, self.ended, self._running)
        replay.of(events)
        self.asked, self.waiting = replay.asked, [*replay.running.values()]
        self.ledger.checkpoints.keep_only(set(replay.running))
        self._despair()

    def _running(self, number: int, values: dict[str, Value]) -> RunningTrial:
        search = self.search
        seed = self.experiment.seed(number, values)
        configuration = self.experiment.configuration(values)
        split = self.experiment.split(values)
        member = Member(number, configuration, seed, search.metric, search.direction, split)
        return RunningTrial(member, values)

    # Handing out work

    def _submit(self, desk: Desk) -> None:
        while len(desk.trials) < self.slots and (trial := self._next_trial(desk)) is not None:
            desk.trials[trial.number] = trial
        if not desk.trials:
            return
        arriving = tuple(self._start(trial) for trial in desk.arriving())
        desk.asked_for = desk.next_members()
        snapshot = desk.asked_for if desk.snapshot_is_due else ()
        order = TickOrder(tuple(desk.leaving), arriving, desk.asked_for, self._epochs_ahead(desk), snapshot)
        desk.leaving = []
        desk.busy, desk.submitted_at = True, time.monotonic()
        desk.worker.submit(order)

    def _epochs_ahead(self, desk: Desk) -> int:
        """Count the epochs for which nothing can be decided about the trials of a desk but their end."""
        free = self.judge.name == "none" and desk.suspect is None
        for trial in desk.trials.values():
            free = free and not trial.behind and trial.member.configuration.training.early_stopping is None
        return EPOCHS_AHEAD if free else 1

    def _next_trial(self, desk: Desk) -> RunningTrial | None:
        """Give the trial that takes a free place; while a loss is cleared up, nothing new is begun."""
        if self.waiting:
            return self.waiting.pop(0)
        return self._ask() if self._may_ask() and desk.suspect is None else None

    def _ask(self) -> RunningTrial | None:
        number = self.asked
        values = self.suggester.suggest(number)
        if values is None:
            under_way = any(desk.trials for desk in self.desks) or bool(self.waiting)
            self.exhausted = not (self.suggester.waits and under_way)
            return None
        self.asked += 1
        self.ledger.note("ask", number, values=values)
        return self._running(number, values)

    def _start(self, trial: RunningTrial) -> Start:
        stored = self.ledger.checkpoints.load(trial.number, len(trial.epochs))
        if stored is None:
            return Start(trial.member.dump())
        state, trial.trained = stored
        return Start(trial.member.dump(), state)

    # Hearing and deciding

    def _wait(self, busy: list[Desk]) -> None:
        """Wait until a worker has its result, or has been at a trial for too long."""
        late = min(busy, key=self._deadline)
        deadline = self._deadline(late)
        left = None if deadline == inf else max(0.0, deadline - time.monotonic())
        ready = wait_for([desk.worker for desk in busy], left)
        if ready is not None:
            self._hear(next(desk for desk in busy if desk.worker is ready))
            return
        late.worker.kill()
        self._lose(late, self._too_long, at_once=True)

    def _deadline(self, desk: Desk) -> float:
        """Tell when a desk's tick has taken longer than `trial_timeout` leaves to its trials."""
        limit = self.search.trial_timeout
        if limit is None:
            return inf
        trials = [desk.trials[number] for number in desk.asked_for]
        # What a trial catches up with was counted before.
        spent = max(0.0 if trial.behind else trial.seconds for trial in trials)
        return desk.submitted_at + max(limit - spent, 0.0)

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
            desk.snapshot_seconds = result.snapshot_seconds + time.monotonic() - begun
        for report in result.reports:
            # Of a trial that took too long the worker may have gone on to tell.
            if report.number in desk.trials:
                self._decide(desk, desk.trials[report.number], report)

    def _decide(self, desk: Desk, trial: RunningTrial, report: EpochReport) -> None:
        if trial.behind and report.metrics:
            self._catch_up(trial, report)
            return
        trial.hear(report)
        pruned = bool(report.metrics) and self._experienced(trial, report)
        if report.failure is not None:
            self._end(desk, trial, "failed", report.failure.told)
        elif trial.finished:
            self._end(desk, trial, "complete")
        elif self.search.trial_timeout is not None and trial.seconds > self.search.trial_timeout:
            self._end(desk, trial, "failed", f"{self._too_long} (epoch {report.epoch})")
        elif pruned:
            pruning = self.judge.reason(trial.number)
            self._end(desk, trial, "pruned", self.judge.told(pruning, report.epoch), pruning)

    def _experienced(self, trial: RunningTrial, report: EpochReport) -> bool:
        """Take a report into the experience and tell whether the pruner ends the trial."""
        value = report.metrics[trial.member.metric] if report.failure is None else None
        metrics = {name: finite(number) for name, number in report.metrics.items()}
        seconds = round(report.seconds, 6)
        told = {"epoch": report.epoch, "value": value, "metrics": metrics, "seconds": seconds}
        if report.probe is not None:
            told["probe"] = report.probe.dump()
        self.ledger.note("report", trial.number, **told)
        if value is None:
            return False
        self.experience.report(trial.number, report.epoch, value)
        return self.judge.prunes(trial.number)

    def _catch_up(self, trial: RunningTrial, report: EpochReport) -> None:
        """Hear a report that the tick log has already, with no end behind it: the decision was to go on."""
        if not trial.catch_up(report):
            self.display.note(
                f"warning: trial {trial.number} gave another value at epoch {report.epoch} than before it "
                "was interrupted; has the machine or a library changed?"
            )

    def _end(
        self,
        desk: Desk,
        trial: RunningTrial,
        state: State,
        cause: str | None = None,
        pruning: Pruning | None = None,
    ) -> None:
        record = self._record(trial, state, cause, pruning)
        if self._lead(record):
            # Weights that are lost with the worker are trained again when they are needed.
            with suppress(WorkerDiedError):
                self.ledger.keep_weights(record, desk.worker.do(WeightsOrder(trial.number)))
            self.ledger.keep_only(leader.number for leader in self.leaders)
        desk.leaving.append(trial.number)
        self._conclude(desk, record)

    def _conclude(self, desk: Desk, record: TrialRecord) -> None:
        self.experience.tell(record.number, record.state, record.value)
        del desk.trials[record.number]
        desk.started.discard(record.number)
        self.ended[record.number] = record
        names = ("state", "value", "epochs", "best_epoch", "seconds", "cause")
        told = {name: getattr(record, name) for name in names}
        if record.pruning is not None:
            told["pruning"] = asdict(record.pruning)
        self.ledger.note("end", record.number, **told)
        self._despair()

    def _record(
        self, trial: RunningTrial, state: State, cause: str | None, pruning: Pruning | None = None
    ) -> TrialRecord:
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
            pruning=pruning,
        )

    def _lead(self, record: TrialRecord) -> bool:
        """Take a trial among the best if it is one of them; of equal ones the first stays."""
        self.leaders = ranked([*self.leaders, record], minimize=self.search.direction == "minimize")
        self.leaders = self.leaders[: self.experiment.keep]
        return any(leader is record for leader in self.leaders)

    def _despair(self) -> None:
        """Give up a study whose first trials all fail for one cause."""
        if not self.experiment.gives_up:
            return
        first = list(islice(self.ended.values(), HOPELESS_TRIALS))
        causes = {trial.kind_of_failure for trial in first}
        if len(first) == HOPELESS_TRIALS and len(causes) == 1 and all(t.state == "failed" for t in first):
            self.hopeless = causes.pop()

    # Losing a worker

    def _lose(self, desk: Desk, cause: str, *, at_once: bool) -> None:
        """Go on without what a worker had under way.

        A trial that was by itself is the cause: it is recorded as failed `at_once`, or where a worker died,
        which may have other causes, the second time. Of several each is tried by itself.
        """
        desk.busy = False
        lost = [desk.trials[number] for number in desk.asked_for]
        if len(lost) == 1 and (at_once or lost[0].lost):
            self._conclude(desk, self._record(lost[0], "failed", cause))
        else:
            for trial in lost:
                self.ledger.note("lost", trial.number, cause=cause)
                trial.lose()
        self.waiting = sorted([*self.waiting, *desk.clear()], key=lambda trial: trial.number)
        desk.worker = self.crew.renew(desk.worker)

    # Writing down what was decided

    def _write_down(self) -> None:
        """Write what was decided since the last time, while the workers are busy already.

        Nothing is lost if we die before: the same is decided again.
        """
        events = self.ledger.write(self.elapsed)
        for desk in self.desks:
            if desk.states:
                desk.snapshot_seconds += self.ledger.save(desk.states, desk.trials)
                desk.states, desk.saved_at = {}, time.monotonic()
        self._show(events)

    def _show(self, events: list[Event]) -> None:
        """Tell the storage and the display what is in the tick log now."""
        scribe, best = self.ledger.scribe, next(iter(self.leaders), None)
        for event in events:
            number = event["number"]
            if event["kind"] == "ask":
                scribe.asked(number, event["values"])
            elif event["kind"] == "end":
                scribe.ended(self.ended[number])
                self._told_ends += 1
                self.display.ended(self.ended[number], best, self._told_ends)
            elif event["kind"] == "lost":
                self.display.note(f"trial {number} goes on from its checkpoint: {event['cause']}")
            elif event["value"] is not None:
                scribe.reported(number, event["epoch"], event["value"])
        self.display.advanced([trial for desk in self.desks for trial in desk.trials.values()])
