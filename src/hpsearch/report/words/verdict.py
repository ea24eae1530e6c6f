"""Which finalist won, how sure that is, and how lucky the search was, as sentences."""

from __future__ import annotations

from typing import Protocol

from hpsearch.analysis import ChanceLevel
from hpsearch.report.words.chance import chance_words
from hpsearch.report.words.numbers import amount, listed, replicates_words, short
from hpsearch.scheduling.conclusion import Verdict
from hpsearch.scheduling.gain import ExpectedGain
from hpsearch.scheduling.racing.estimates import Estimate
from hpsearch.store.winner import HeldOutEvaluations, Refit


class Concluded(Protocol):
    """What the sentences on a winner are made of: a conclusion, or an analysis of the whole study."""

    @property
    def metric(self) -> str: ...  # noqa: D102 - as in `Conclusion`
    @property
    def minimize(self) -> bool: ...  # noqa: D102 - the same
    @property
    def best_of_search(self) -> float | None: ...  # noqa: D102 - the same
    @property
    def refit(self) -> Refit | None: ...  # noqa: D102 - the same
    @property
    def looks(self) -> HeldOutEvaluations: ...  # noqa: D102 - the same


def verdict_sentences(found: Concluded, verdict: Verdict, chance: ChanceLevel | None) -> tuple[str, ...]:
    """Say which finalist won, who cannot be told apart from it, how lucky the search was, and more."""
    return (
        _confirmed(found, verdict, chance),
        _ties(verdict),
        _optimism(found, verdict),
        gain_sentence(verdict.gain),
        refit_sentence(found, verdict),
    )


def _confirmed(found: Concluded, verdict: Verdict, chance: ChanceLevel | None) -> str:
    conclusion, better = verdict.conclusion, "lower" if found.minimize else "higher"
    score, own = conclusion.cross_validated_score, conclusion.mean
    numbers = [f"too few replicates for a cross-validated {found.metric}"]
    if score.mean is not None:
        numbers = [f"cross-validated {found.metric} {_over(verdict, score)}"]
    if own is not None:
        numbers.append(f"mean {_over(verdict, own)}")
    text = f"The winner is the configuration of {conclusion.winner}: {', '.join(numbers)}; {better} is better"
    return f"{with_chance(text, chance)}."


def _over(verdict: Verdict, estimate: Estimate) -> str:
    replicates = replicates_words(verdict.splits, estimate.count)
    return f"{short(estimate.mean)} over {replicates}{interval(estimate)}"


def with_chance(text: str, chance: ChanceLevel | None) -> str:
    """Say behind a score what a constant prediction gives: a score says little without."""
    words = chance_words(chance)
    return f"{text}, {'and ' if chance and chance.standing == 'better' else 'but '}{words}" if words else text


def interval(estimate: Estimate) -> str:
    """Write the interval of an estimate behind its mean, or that there are too few replicates for one."""
    if estimate.low is None or estimate.high is None:
        return " (too few replicates for an interval)"
    if estimate.low == estimate.high:
        return " (identical in all replicates, so no interval)"
    return f" (95 % interval {short(estimate.low)} to {short(estimate.high)})"


def _ties(verdict: Verdict) -> str:
    finalists = len(verdict.conclusion.standings)
    others = [name for name in verdict.conclusion.ties if name != verdict.conclusion.winner]
    if finalists < 2:
        if not verdict.left_out:
            return "It was the only finalist."
        return (
            f"Only this one of {verdict.finalists} finalists was trained again: "
            f"the budget of {amount(verdict.runs, 'run')} did not cover the others."
        )
    return f"{_told_apart(finalists, others)}{_left_out(verdict)}"


def _left_out(verdict: Verdict) -> str:
    if not verdict.left_out:
        return ""
    return (
        f" {amount(verdict.left_out, 'more finalist')} got no replicate: the budget of "
        f"{amount(verdict.runs, 'run')} did not cover {'it' if verdict.left_out == 1 else 'them'}."
    )


def _told_apart(finalists: int, others: list[str]) -> str:
    if not others:
        return (
            f"The {finalists - 1} other finalists are worse."
            if finalists > 2
            else "The other finalist is worse."
        )
    return f"Of {finalists} finalists, {listed(others)} cannot be told apart from it."


def _optimism(found: Concluded, verdict: Verdict) -> str:
    best, optimism = found.best_of_search, verdict.conclusion.optimism
    if best is None or optimism is None:
        return ""
    lucky = "was optimistic by" if optimism > 0 else "was not optimistic: it is worse by"
    return f"The best single score of the search, {short(best)}, {lucky} {short(abs(optimism))}."


def gain_sentence(expected: ExpectedGain | None) -> str:
    """Say whether more trials would probably have paid."""
    if expected is None:
        return ""
    pay, than = ("may pay", "more") if expected.pays else ("would hardly pay", "not more")
    return (
        f"{amount(expected.trials, 'more trial')} {pay}: by what the last ones gained, they gain at most "
        f"about {short(expected.gain)}, {than} than the standard deviation of a single score over seeds, "
        f"{short(expected.noise)}."
    )


def end_sentence(expected: ExpectedGain | None, trials: int, budget: int) -> str:
    """Say why a search ended by itself; nothing where it did not."""
    if expected is None:
        return ""
    ended = f"The search ended by itself after {trials:,} of at most {amount(budget, 'trial')}"
    return f"{ended}. By replicates of its best configurations, {gain_sentence(expected)}"


def refit_sentence(found: Concluded, verdict: Verdict) -> str:
    """Say what the saved model was trained on, where the study wants the winner refitted."""
    refit = found.refit
    if refit is None:
        return ""
    if refit.cause is not None:
        replicate = None if verdict.named is None else verdict.named.replicate
        return (
            f"The refit of the winner on all {refit.rows:,} rows failed: {refit.cause}; "
            f"the saved model is that of replicate {replicate}."
        )
    scored = (
        "only the test set can score it" if found.looks.of(refit.winner) else "no rows are left to score it"
    )
    epochs = amount(refit.winner.epoch or 0, "epoch")
    return (
        f"The saved model was refitted on all {refit.rows:,} training and validation rows, for {epochs}, the "
        f"median of the best epochs of the replicates. It has seen the validation rows, so the reported "
        f"{found.metric} is that of the replicates, and {scored}."
    )


def confirmation_note(verdict: Verdict) -> str:
    """Say what the replicates are, and what the numbers of the finalists mean."""
    fresh = verdict.splits == "fresh"
    where = (
        "each replicate with its own training and validation split"
        if fresh
        else "on the same split of the data"
    )
    runs = amount(verdict.conclusion.runs, "run")
    race = f"{runs} in a race, in which a finalist that can no longer win gets no further replicates"
    if verdict.everyone:
        race = f"{runs}, in which none is out for being worse by the first of several objectives"
    return (
        f"The finalists were trained again from fresh {verdict.over}, the same for all: {race}. "
        f"Intervals are 95 % intervals of the mean over {verdict.over}, {where}. "
        "Two finalists are told apart by their paired differences, at a level adjusted for the number of "
        "finalists, so that an interval without 0 is not enough. The mean of the winner is optimistic, "
        "because the same replicates chose it; in the cross-validated score each seed counts with the "
        "finalist that is best on the other seeds."
    )
