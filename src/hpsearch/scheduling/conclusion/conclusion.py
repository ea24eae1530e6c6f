"""What a search has come to: its finalists judged, its winner, and the model that stands for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hpsearch.scheduling.conclusion.confirmation_plan import ConfirmationPlan, plan_confirmation
from hpsearch.scheduling.conclusion.learning import unexplained
from hpsearch.scheduling.conclusion.refit import plan_refit
from hpsearch.scheduling.conclusion.verdict import Verdict, judge_finalists
from hpsearch.scheduling.gain import ExpectedGain, no_gain
from hpsearch.spec.experiments import experiment_of
from hpsearch.store.record import StudyRecord, TrialRecord, winner_name
from hpsearch.store.winner import ErrorAnalysis, HeldOutEvaluation, HeldOutEvaluations, Refit, WinnerName
from hpsearch.training.messages import SplitName


@dataclass(frozen=True)
class BestModel:
    """What a search found: the trial whose configuration is best, and the replicate that stands for it.

    `run` is None where nothing was confirmed: then the trial's own model stands for it. `split` names the
    rows that it was trained on. With `refit` the model of all rows stands for it instead.
    """

    trial: TrialRecord | None
    run: TrialRecord | None
    split: SplitName = None
    refit: Refit | None = None

    @property
    def trained(self) -> TrialRecord:
        """The trial, or its replicate, whose model stands for it where nothing was refitted."""
        found = self.run or self.trial
        assert found is not None  # noqa: S101 - it was asked before
        return found

    @property
    def name(self) -> WinnerName:
        """The name of its model."""
        if self.refit is not None:
            return self.refit.winner
        assert self.trial is not None  # noqa: S101 - it was asked before
        return winner_name(self.trial, self.run)


@dataclass(frozen=True)
class Conclusion:
    """What a search has come to, as far as it has come; its finalists are judged once, when this is made.

    `confirmation` and `ablation` are the records of its parts, where there are any. `verdict` is None where
    nothing was confirmed. `planned` is the refit that the study asks for, None where it asks for none or
    nothing won. What is found afterwards (first probes, the refit, the evaluation) takes no part in the
    judgement and comes with another `record`; what follows from it is computed when it is asked for.
    """

    record: StudyRecord
    confirmation: StudyRecord | None
    ablation: StudyRecord | None
    verdict: Verdict | None
    planned: Refit | None

    @property
    def metric(self) -> str:
        """The metric that the study is searched by."""
        return self.record.metric

    @property
    def minimize(self) -> bool:
        """Whether lower is better."""
        return self.record.minimize

    @property
    def best_of_search(self) -> float | None:
        """The best value of the search, that of a single seed; None before there is one."""
        return None if self.record.best is None else self.record.best.value

    @property
    def looks(self) -> HeldOutEvaluations:
        """Every evaluation on the test part, of this winner or another."""
        return self.record.looks

    @property
    def refit(self) -> Refit | None:
        """What came of the planned refit; None where it was not done, or that of another winner was."""
        done = self.record.refit
        return done if done is not None and done.planned == self.planned else None

    @property
    def best(self) -> BestModel:
        """The winner of the confirmation, or where there is none the best trial of the search."""
        confirmation, verdict = self.confirmation, self.verdict
        if confirmation is None or verdict is None or verdict.winner is None or verdict.named is None:
            return BestModel(self.record.best, None)
        run = confirmation.trial(verdict.named.number)
        split = experiment_of(confirmation.spec, "confirmation").split(run.parameters)
        refit = self.refit if self.refit is not None and self.refit.cause is None else None
        return BestModel(self.record.trial(verdict.winner), run, split, refit)

    @property
    def evaluation(self) -> HeldOutEvaluation | None:
        """The evaluation of the winner's model on the test part, where there was one."""
        return None if self.best.trial is None else self.looks.of(self.best.name)

    @property
    def insides(self) -> ErrorAnalysis | None:
        """The error analysis of the winner's model; None where there is none, or that of another one."""
        found = self.record.insides
        return found if found is not None and self.best.trial and found.winner == self.best.name else None

    @property
    def plan(self) -> ConfirmationPlan:
        """How many of the best trials are trained again, or why none."""
        return plan_confirmation(self.record)

    @property
    def no_gain(self) -> ExpectedGain | None:
        """For what expectation the search ended by itself; None where it did not."""
        return no_gain(self.record)

    def unexplained(self, limit: int) -> list[TrialRecord]:
        """Choose trials that did not learn and are to be probed: with those that were, at most `limit`."""
        return unexplained(self.record, limit)

    def with_record(self, record: StudyRecord) -> Conclusion:
        """Return the conclusion of the same trials, with what else is known of them now."""
        return replace(self, record=record)

    def with_ablation(self, ablation: StudyRecord) -> Conclusion:
        """Return the conclusion with the runs from the defaults to the winner as they are now."""
        return replace(self, ablation=ablation)


def conclude_search(
    record: StudyRecord, confirmation: StudyRecord | None = None, ablation: StudyRecord | None = None
) -> Conclusion:
    """Judge the finalists of a search, finished or still running, and collect what it has come to.

    Args:
        record: The search.
        confirmation: The replicates of its finalists, if there are any.
        ablation: The runs of its ablation, if there are any.
    """
    verdict = None if confirmation is None else judge_finalists(record, confirmation)
    planned = None
    if confirmation is not None and verdict is not None:
        planned = plan_refit(record, confirmation, verdict)
    return Conclusion(record, confirmation, ablation, verdict, planned)
