"""What the replicates of the finalists say: who won, how sure that is, and how lucky the search was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hpsearch.scheduling.gain import ExpectedGain, expect_gain
from hpsearch.scheduling.racing.estimates import Values
from hpsearch.scheduling.racing.race import RaceConclusion, conclude, race_of
from hpsearch.spec.experiments import ARM, REPLICATE
from hpsearch.store.record import StudyRecord, TrialRecord


@dataclass(frozen=True)
class NamedReplicate:
    """The replicate whose model stands for the winner: its number among the runs, its seed, its own score.

    It is the median of the winner's replicates, so that the model is neither the luckiest nor the unluckiest
    of its kind.
    """

    number: int
    replicate: int
    seed: int
    value: float
    best_epoch: int


@dataclass(frozen=True)
class Verdict:
    """The conclusion of a confirmation, in terms of the search's trials.

    `winner` is the number of the trial whose configuration won, None where every finalist failed; `values`
    are those of each finalist by replicate; `planned` counts the replicates of each at most. `splits`:
    whether all replicates were trained on the study's own split, or each on a fresh one. `finalists` counts
    those that were asked for; where the budget of `runs` does not reach for all, some get no replicate.
    """

    conclusion: RaceConclusion
    winner: int | None
    named: NamedReplicate | None
    values: dict[str, Values]
    planned: int
    splits: Literal["own", "fresh"] = "own"
    finalists: int = 0
    runs: int = 0
    gain: ExpectedGain | None = field(default=None, metadata={"where_given": True})
    """What more trials would gain, where that is known."""
    everyone: bool = field(default=False, metadata={"where_given": True})
    """Whether finalists went on that could not win any more: those of a Pareto front."""

    @property
    def left_out(self) -> int:
        """Count the finalists without a replicate."""
        return max(self.finalists - len(self.conclusion.standings), 0)

    @property
    def over(self) -> str:
        """Say what intervals are over."""
        return "splits and seeds" if self.splits == "fresh" else "seeds"


def judge_finalists(record: StudyRecord, confirmation: StudyRecord) -> Verdict | None:
    """Judge the finalists of a search by their replicates; None where the search has no value."""
    if record.best is None or record.best.value is None:
        return None
    race, values = race_of(confirmation.spec), _values(confirmation)
    conclusion = conclude(race, values, record.best.value)
    winner = next((t.number for t in record.trials if name_of(t) == conclusion.winner), None)
    splits = confirmation.spec.confirm.splits
    return Verdict(
        conclusion,
        winner,
        _named(confirmation, conclusion),
        values,
        race.limit,
        splits,
        len(race.finalists),
        race.budget,
        # What one objective gains says nothing of the front.
        None if race.everyone else expect_gain(record, values.values()),
        race.everyone,
    )


def name_of(trial: TrialRecord) -> str:
    """Name a finalist."""
    return f"trial {trial.number}"


def _values(confirmation: StudyRecord) -> dict[str, Values]:
    values: dict[str, dict[int, float | None]] = {}
    for run in confirmation.trials:
        if run.state != "running":
            own = values.setdefault(str(run.parameters[ARM]), {})
            own[int(run.parameters[REPLICATE])] = run.value
    return dict(values)


def _named(confirmation: StudyRecord, conclusion: RaceConclusion) -> NamedReplicate | None:
    """Take the median of the winner's replicates; of an even number the better of the two in the middle."""
    ranking = [run for run in confirmation.ranking if run.parameters[ARM] == conclusion.winner]
    if not ranking:
        return None
    run = ranking[(len(ranking) - 1) // 2]
    assert run.value is not None  # noqa: S101 - the ranking is of those with a value
    assert run.best_epoch is not None  # noqa: S101 - the same
    return NamedReplicate(run.number, int(run.parameters[REPLICATE]), run.seed, run.value, run.best_epoch)
