"""What is known of a study while it runs: its events, live or from the log, taken in by one function."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from hpsearch.scheduling.schedulers import scheduler_of
from hpsearch.spec.sections.constraints import PARAMETERS, Infeasibility, infeasibility
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
        is_search = resolved.kind == "search"
        self.constraints = self.search.limits if is_search else ()
        self.others = self.search.objectives[1:] if is_search else ()
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
                self.running[event.number] = self._begin(event)
                self.asked = event.number + 1
            case Reported():
                self.running[event.number].apply(event)
            case Lost():
                self.running[event.number].lose()
            case Ended():
                self._end(self.running.pop(event.number), event)

    def _begin(self, event: Asked) -> RunningTrial:
        search, experiment, number, values = self.search, self.experiment, event.number, event.values
        configuration = experiment.configuration(values)
        seed, split = experiment.seed(number, values), experiment.split(values)
        member = Member(number, configuration, seed, search.first_metric, search.direction, split)
        return RunningTrial(member, values, origin=event.origin)

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
            origin=trial.origin,
            violations=event.violations or {},
        )
        self.ended[record.number] = record
        # Of equal ones the first stays.
        best = ranked([*self.leaders, record], self.search)
        self.leaders = best[: self.experiment.keep]

    def infeasibility(self, trial: RunningTrial) -> Infeasibility | None:
        """Return which constraints a trial violates at its best epoch; None where it keeps to all.

        An objective without a value counts as violated: nothing can be compared with it.
        Those on the number of its parameters are decided before it is trained.
        """
        if trial.best_epoch is None:
            return None
        limits = (one for one in self.constraints if one.name != PARAMETERS)
        return infeasibility(limits, trial.epochs[trial.best_epoch - 1], self.others)

    def leads(self, number: int) -> bool:
        """Return whether a trial that ended is among the best that are kept."""
        return any(leader.number == number for leader in self.leaders)

    @property
    def paused(self) -> list[RunningTrial]:
        """List the trials that wait at a rung."""
        pauses_at = self.scheduler.pauses_at
        return [trial for number, trial in self.running.items() if len(trial.epochs) == pauses_at(number)]

    @property
    def epochs(self) -> int:
        """Count the epochs that were trained so far."""
        under_way = sum(len(trial.epochs) for trial in self.running.values())
        return under_way + sum(trial.epochs for trial in self.ended.values())

    @property
    def hopeless(self) -> str | None:
        """Return the cause for which the first trials all failed; None while there is hope."""
        first = list(islice(self.ended.values(), HOPELESS_TRIALS))
        if not self.experiment.gives_up or len(first) < HOPELESS_TRIALS:
            return None
        causes = {trial.kind_of_failure if trial.state == "failed" else None for trial in first}
        return causes.pop() if len(causes) == 1 and not self.paused else None
