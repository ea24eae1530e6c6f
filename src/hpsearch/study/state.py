"""What is known of a study while it runs: its events, live or from the log, taken in by one function."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from hpsearch.scheduling.schedulers import scheduler_of
from hpsearch.spec.space.parameter import Value
from hpsearch.store.events import Asked, Ended, Event, Lost, Reported
from hpsearch.store.reading import not_of_study
from hpsearch.store.record import TrialRecord, ranked
from hpsearch.store.resolved import Resolved
from hpsearch.study.trial import RunningTrial
from hpsearch.training.messages import Member

HOPELESS_TRIALS = 20
"""Trials that fail for one cause from the beginning on, after which a study is given up."""


class StudyState:
    """The trials that ended, those under way, and what the scheduler has seen.

    `apply` alone changes it. `asked` counts the trials that were begun, `leaders` are the best that ended, as
    many as are kept.
    """

    def __init__(self, resolved: Resolved) -> None:
        self.name, self.search = resolved.spec.name, resolved.spec.search
        self.experiment = resolved.experiment
        self.scheduler = scheduler_of(self.experiment, resolved.data.train_rows)
        self.running: dict[int, RunningTrial] = {}
        self.ended: dict[int, TrialRecord] = {}
        self.leaders: list[TrialRecord] = []
        self.asked = 0

    def replay(self, events: Iterable[Event]) -> None:
        """Take in the events of a log.

        Raises:
            StoreError: The log is not that of this study.
        """
        try:
            for event in events:
                self.apply(event)
        except (KeyError, ValueError, TypeError) as failure:
            raise not_of_study(self.name, failure) from None

    def apply(self, event: Event) -> None:
        """Take in one event."""
        self.scheduler.apply(event)
        match event:
            case Asked():
                self.running[event.number] = self._begin(event.number, event.values)
                self.asked = event.number + 1
            case Reported():
                self.running[event.number].apply(event)
            case Lost():
                self.running[event.number].lose()
            case Ended():
                self._end(self.running.pop(event.number), event)

    def _begin(self, number: int, values: dict[str, Value]) -> RunningTrial:
        search, experiment = self.search, self.experiment
        configuration = experiment.configuration(values)
        seed, split = experiment.seed(number, values), experiment.split(values)
        member = Member(number, configuration, seed, search.metric, search.direction, split)
        return RunningTrial(member, values)

    def _end(self, trial: RunningTrial, event: Ended) -> None:
        record = TrialRecord(
            number=event.number,
            state=event.state,
            value=event.value,
            parameters=trial.values,
            configuration=trial.member.configuration,
            epochs=event.epochs,
            best_epoch=event.best_epoch,
            seconds=event.seconds,
            seed=trial.member.seed,
            cause=event.cause,
            history={name: trial.curve(name) for name in self.search.further},
            pruning=event.pruning,
        )
        self.ended[record.number] = record
        # Of equal ones the first stays.
        best = ranked([*self.leaders, record], minimize=self.search.direction == "minimize")
        self.leaders = best[: self.experiment.keep]

    def leads(self, number: int) -> bool:
        """Return whether a trial that ended is among the best that are kept."""
        return any(leader.number == number for leader in self.leaders)

    @property
    def hopeless(self) -> str | None:
        """Return the cause for which the first trials all failed; None while there is hope."""
        first = list(islice(self.ended.values(), HOPELESS_TRIALS))
        if not self.experiment.gives_up or len(first) < HOPELESS_TRIALS:
            return None
        causes = {trial.kind_of_failure if trial.state == "failed" else None for trial in first}
        return causes.pop() if len(causes) == 1 else None
