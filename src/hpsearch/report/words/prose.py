"""The sentences of the report."""

from __future__ import annotations

from hpsearch.analysis import (
    Analysis,
    Counts,
    EvaluatedAnalysis,
    Importance,
    Judgement,
    LearningCurves,
    RankedTrial,
)
from hpsearch.analysis.curves import POINTS
from hpsearch.analysis.influence.importance import FEWEST_TRIALS
from hpsearch.report.words.numbers import amount, short
from hpsearch.report.words.verdict import end_sentence, verdict_sentences, with_chance


def answer(analysis: EvaluatedAnalysis) -> str:
    """Say which trial is best, how the others ended, and how far that can be trusted."""
    end = end_sentence(analysis.no_gain, analysis.counts.trials, analysis.budget)
    if analysis.verdict is not None and analysis.verdict.winner is not None:
        sentences = (
            *verdict_sentences(analysis, analysis.verdict, analysis.chance),
            _endings(analysis.counts),
        )
    else:
        sentences = (_winner(analysis), _endings(analysis.counts), _caution(analysis.counts))
    return " ".join(filter(None, (*sentences, end, _test_part(analysis), _scarcity(analysis))))


def _winner(analysis: Analysis) -> str:
    best = analysis.best
    if best is None:
        return _no_winner(analysis.counts)
    better = "lower" if analysis.minimize else "higher"
    epoch = "" if best.best_epoch is None else f" at epoch {best.best_epoch}"
    text = (
        f"The best configuration is that of trial {best.number}: {analysis.metric} {short(best.value)}"
        f"{epoch} ({better} is better)"
    )
    return f"{with_chance(text, analysis.chance)}.{_ending(best)}"


def _no_winner(counts: Counts) -> str:
    if not counts.trials:
        return "No trial has been run yet."
    for word, count in {"failed": counts.failed, "violates the constraints": counts.infeasible}.items():
        if count == counts.trials:
            return f"There is no best configuration: every trial {word}."
    return "No trial has a value yet."


def _ending(best: RankedTrial) -> str:
    if best.state == "failed":
        return " This trial failed in a later epoch, so train it again before you rely on it."
    return " This trial was pruned before its last epoch." if best.state == "pruned" else ""


def _endings(counts: Counts) -> str:
    if not counts.trials:
        return ""
    words = {
        "finished": counts.complete,
        "pruned": counts.pruned,
        "infeasible": counts.infeasible,
        "failed": counts.failed,
        "still running": counts.running,
    }
    ends = ", ".join(f"{count:,} {word}" for word, count in words.items() if count)
    return f"{amount(counts.trials, 'trial')}: {ends}."


def _caution(counts: Counts) -> str:
    if counts.valued < 2:
        return ""
    return (
        f"This is the best single-seed score of {amount(counts.valued, 'trial')} and therefore optimistic: "
        "the best of many noisy scores is partly luck, and with another seed this configuration will usually "
        "score worse."
    )


def _test_part(analysis: Analysis) -> str:
    if not analysis.judged_on_test:
        return ""
    return (
        "All scores were measured on the test set and are optimistic, because the test set chose the best "
        "epoch and the best configuration; no rows are held out to check them."
    )


def _scarcity(analysis: Analysis) -> str:
    valued = analysis.counts.valued
    if valued >= FEWEST_TRIALS or not analysis.searched or not analysis.counts.trials:
        return ""
    known = {0: "no trial has", 1: "only one trial has"}.get(valued, f"only {valued} trials have")
    return f"Too few trials: {known} a value, not enough to tell good regions from bad ones."


def findings_note(judgement: Judgement) -> str:
    """Say whether anything was found, and what it means where no trial is of any use."""
    if judgement.last_word is not None:
        return f"No trial learned. {judgement.last_word[:1].upper()}{judgement.last_word[1:]}."
    if not judgement.findings:
        return "No problems were found in the trials or the search space."
    return "Derived from the learning curves of the trials, and from probes of those that did not learn."


def importance_note(importance: Importance) -> str:
    """Say what the shares mean and how sure they are."""
    if importance.method == "fanova":
        return _fanova_note(importance)
    note = (
        f"PED-ANOVA over {amount(importance.trials, 'finished trial')}{_taken_part(importance)}: how much "
        "each parameter determines whether a trial is among the best 10 %; the shares add up to 1. The "
        f"intervals contain {100 * importance.level:.0f} % of the shares over "
        f"{amount(importance.resamples, 'resample')} of the trials: if two overlap widely, another seed "
        "could change their order."
    )
    if any(parameter.condition for parameter in importance.parameters):
        note += (
            " A conditional parameter is evaluated only on the trials where it is active, and weighted by "
            "their share of the best trials."
        )
    return " ".join(filter(None, (note, _doubts(importance), importance.caution)))


def _doubts(importance: Importance) -> str:
    """Name the parameters of which too little is known."""
    doubts = [f"{row.name} ({row.doubt})" for row in importance.parameters if row.doubt is not None]
    return f"Unknown, and shown without a share: {', '.join(doubts)}." if doubts else ""


def _fanova_note(importance: Importance) -> str:
    return (
        f"fANOVA over {amount(importance.trials, 'completed trial')}: the share of the variance between "
        "trials that each parameter explains by itself; the shares add up to 1. Pruned and failed trials are "
        "excluded, conditional parameters cannot be evaluated, and there are no intervals."
    )


def _taken_part(importance: Importance) -> str:
    """Say how pruned and failed trials take part."""
    if not importance.pruned and not importance.failed:
        return ""
    parts = []
    if importance.pruned:
        parts.append(f"{importance.pruned:,} pruned, ranked by their values at the epochs they trained")
    if importance.failed:
        parts.append(f"{importance.failed:,} without a value, counted as the worst")
    return f" ({'; '.join(parts)})"


def curves_note(curves: LearningCurves, metric: str) -> str:
    """Say which curves are shown and which were left out."""
    if not curves.shown:
        return f"No trial has recorded {metric} by epoch yet."
    note = f"Learning curves of the best {amount(len(curves.best), 'trial')} in colour."
    if curves.rest:
        note += f" In grey: {_sample(curves)}, darker for better ranks."
    if curves.thinned:
        note += f" Of longer curves, {POINTS} evenly spaced epochs are drawn."
    return note


def _sample(curves: LearningCurves) -> str:
    if len(curves.rest) == curves.rest_recorded:
        return f"the other {amount(len(curves.rest), 'curve')}"
    return f"an even sample of {len(curves.rest)} of the other {curves.rest_recorded:,} curves"


def progress_note(outside: int, marked: int, finished: int) -> str:
    """Explain the marks of the figure, and what lies beyond its axis."""
    note = (
        "Each mark is a trial; the line is the best value so far. Trials without a value are drawn on the "
        "axis."
    )
    if outside:
        note += f" {amount(outside, 'value')} beyond the axis are drawn at its edge."
    if marked < finished:
        note += f" The marks are an even sample of {marked:,} of {amount(finished, 'trial')}."
    return note


def failures_note(counts: Counts) -> str:
    """Count what went wrong."""
    sentences = []
    if counts.infeasible:
        sentences.append(_infeasible(counts))
    if counts.failed:
        sentences.append(
            f"{amount(counts.failed, 'trial')} failed; the sampler counts a failure as the worst result."
        )
    if counts.pruned:
        was = "was" if counts.pruned == 1 else "were"
        sentences.append(
            f"{amount(counts.pruned, 'trial')} {was} pruned: stopped early by the pruner, or left at a rung."
        )
    return " ".join(sentences)


def _infeasible(counts: Counts) -> str:
    each = ", ".join(f"{text} by {count:,}" for text, count in counts.violated.items())
    told = f"{amount(counts.infeasible, 'trial')} violated constraints ({each}) and cannot win"
    return told + (f"; {counts.untrained:,} of them took no training." if counts.untrained else ".")
