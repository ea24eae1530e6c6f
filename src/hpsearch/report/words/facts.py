"""The key facts: the winner, how certain that is, and the most important hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpsearch.analysis import Analysis, EvaluatedAnalysis, Importance, ParameterImportance
from hpsearch.report.words.estimates import mean_text
from hpsearch.report.words.evaluation import by_metric
from hpsearch.report.words.numbers import DASH, amount, replicates_words, short
from hpsearch.report.words.plan import obstacle_words
from hpsearch.scheduling.conclusion import Verdict
from hpsearch.scheduling.racing.estimates import Estimate

MATTERED = 3
"""Parameters that are named first."""


STANDING = {
    "hardly better": "hardly better",
    "cannot tell": "cannot be told apart from it",
    "no better": "no better",
}
"""How the winner compares with a constant prediction, unless it is clearly better."""


@dataclass(frozen=True)
class Fact:
    """A term, what there is to say of it, and what qualifies that."""

    term: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Mattered:
    """A parameter, its share in words, and how long its bar is, in percent."""

    name: str
    share: str
    percent: float


@dataclass(frozen=True)
class Facts:
    """The block beside the answer."""

    facts: tuple[Fact, ...]
    mattered: tuple[Mattered, ...]
    unknown: str
    """Why nothing is known of what mattered; empty where something is."""


def facts_of(analysis: EvaluatedAnalysis) -> Facts:
    """Collect the key facts."""
    importance = analysis.importance
    rows = [row for row in importance.told if row.share][:MATTERED]
    return Facts(
        facts=tuple(_facts(analysis)),
        mattered=tuple(map(_mattered, rows)),
        unknown="" if rows else _unknown(importance),
    )


def _unknown(importance: Importance) -> str:
    """Say why nothing is known of what mattered."""
    if importance.reason is not None:
        return importance.reason
    if importance.caution is not None:
        return f"Unknown. {importance.caution}"
    if any(row.doubt is not None for row in importance.parameters):
        return "Unknown: each searched parameter was active in too few trials, or had a single value."
    return "No parameter made a difference."


def _facts(analysis: EvaluatedAnalysis) -> list[Fact]:
    if analysis.winner is None:
        return []
    verdict = analysis.verdict
    winner = Fact(
        "Winner", f"trial {analysis.winner.number}", f"of {amount(analysis.counts.trials, 'trial')}"
    )
    if verdict is None or verdict.winner is None:
        scores, tied = [_single(analysis)], _unconfirmed(analysis)
    else:
        scores, tied = _scores(analysis, verdict), _tied(verdict)
    return [winner, *scores, *_constant(analysis), tied, *_refitted(analysis), *_tested(analysis)]


def _constant(analysis: Analysis) -> Iterator[Fact]:
    chance = analysis.chance
    if chance is not None:
        note = "" if chance.standing in (None, "better") else f"; the winner: {STANDING[chance.standing]}"
        yield Fact("Constant prediction", short(chance.value), f"{chance.constant}{note}")


def _refitted(analysis: Analysis) -> Iterator[Fact]:
    refit = analysis.refitted
    if refit is not None:
        epochs = amount(refit.winner.epoch or 0, "epoch")
        yield Fact("Saved model", f"refitted on all {refit.rows:,} rows", f"for {epochs}")


def _tested(analysis: EvaluatedAnalysis) -> Iterator[Fact]:
    """Return what the last look at the test set gave, where it was one by this winner."""
    looks = analysis.looks.looks
    if not looks or analysis.winner is None or looks[-1].winner.trial != analysis.winner.number:
        return
    for measure in by_metric(looks[-1].evaluation.measures, analysis.metric)[:1]:
        ends = (measure.low, measure.high)
        note = "" if None in ends else f"95 % interval {short(measure.low)} to {short(measure.high)}, "
        note += "" if measure.chance is None else f"constant prediction: {short(measure.chance)}, "
        seen = "once" if len(looks) == 1 else f"{len(looks)} times"
        yield Fact(f"{measure.name} on the test set", short(measure.value), f"{note}evaluated {seen}")


def _single(analysis: Analysis) -> Fact:
    value = None if analysis.best is None else analysis.best.value
    return Fact(analysis.metric, short(value), "one seed: no interval")


def _unconfirmed(analysis: Analysis) -> Fact:
    if analysis.verdict is not None:
        return Fact("Tied with it", DASH, "every finalist failed with a fresh seed")
    reason = "" if analysis.plan is None else obstacle_words(analysis.plan, analysis.name).partition(";")[0]
    return Fact("Tied with it", "unknown", reason or "no finalists were confirmed")


def _scores(analysis: Analysis, verdict: Verdict) -> list[Fact]:
    """Return the score of the winner by replicates that did not choose it, and the mean over its own."""
    score, own = verdict.conclusion.cross_validated_score, verdict.conclusion.mean
    scores = [_estimated(f"Cross-validated {analysis.metric}", score, verdict)]
    return scores if own is None else [*scores, _estimated(f"Mean over {verdict.over}", own, verdict)]


def _estimated(term: str, estimate: Estimate, verdict: Verdict) -> Fact:
    if estimate.low is None or estimate.high is None:
        return Fact(term, mean_text(estimate), "too few replicates for an interval")
    if estimate.low == estimate.high:
        return Fact(term, mean_text(estimate), "no variation: no interval")
    replicates = replicates_words(verdict.splits, estimate.count)
    note = f"95 % interval {short(estimate.low)} to {short(estimate.high)}, {replicates}"
    return Fact(term, short(estimate.mean), note)


def _tied(verdict: Verdict) -> Fact:
    names = [name for name in verdict.conclusion.ties if name != verdict.conclusion.winner]
    finalists = len(verdict.conclusion.standings)
    others = f"{len(names)} of {amount(finalists - 1, 'other')}" if finalists > 1 else _alone(verdict)
    return Fact("Tied with it", others, ", ".join(names))


def _alone(verdict: Verdict) -> str:
    left = amount(verdict.left_out, "other finalist")
    return f"unknown: {left} got no replicate" if verdict.left_out else "no other finalist"


def _mattered(row: ParameterImportance) -> Mattered:
    share = row.share or 0.0
    text = f"{100 * share:.0f} %"
    if row.low is not None and row.high is not None:
        text += f" ({100 * row.low:.0f} to {100 * row.high:.0f} %)"
    return Mattered(row.name, text, round(100 * share, 1))
