"""The sentences of the page on a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpsearch.analysis.arms.claims import ClaimVerdict, JudgedClaim
from hpsearch.analysis.arms.comparison import ComparisonResult
from hpsearch.analysis.arms.standing import Standing
from hpsearch.report.words.chance import chance_words
from hpsearch.report.words.estimates import with_interval
from hpsearch.report.words.numbers import amount, short
from hpsearch.scheduling.racing.estimates import FEWEST_REPLICATES, Estimate

NAMED = 6
"""Arms that are named in a sentence."""

SPOKEN: dict[ClaimVerdict, tuple[str, str]] = {
    "holds": ("holds", "hold"),
    "does not hold": ("does not hold", "do not hold"),
    "cannot tell": ("cannot be decided", "cannot be decided"),
    "not enough": ("has too few seeds", "have too few seeds"),
}
"""Each verdict of one claim, and of several."""


def answer(comparison: ComparisonResult) -> str:
    """Say which arms are best, by how much, and what became of the claims."""
    return " ".join(sentences(comparison))


def sentences(comparison: ComparisonResult) -> list[str]:
    """Return the sentences of the answer."""
    lines = (
        _trained(comparison),
        _best(comparison),
        _ties(comparison),
        _against_baseline(comparison),
        _claims(comparison.claims),
    )
    return list(filter(None, lines))


def _trained(comparison: ComparisonResult) -> str:
    runs = comparison.runs
    sentence = (
        f"{amount(len(comparison.arms), 'arm')}, each trained from the same {amount(runs.replicates, 'seed')}"
    )
    sentence += f"; {amount(runs.failed, 'run')} of {runs.ended:,} failed." if runs.failed else "."
    if runs.ended < runs.planned:
        sentence += f" Not finished: {runs.ended:,} of {amount(runs.planned, 'run')} have ended."
    return sentence


def _best(comparison: ComparisonResult) -> str:
    best = comparison.best
    if best is None:
        over = comparison.runs.ended
        return (
            "Every arm failed with at least one seed, so none is best." if over else "No run has ended yet."
        )
    better = "lower" if comparison.minimize else "higher"
    metric = f"mean {comparison.metric} ({better} is better)"
    text = f"{quoted(best.name)} has the best {metric}: {with_interval(best.best)}"
    return "; ".join(filter(None, (text, chance_words(comparison.chance)))) + "."


def quoted(name: str) -> str:
    """Set off the name of an arm, which may have commas, from the sentence around it."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"


def _ties(comparison: ComparisonResult) -> str:
    if comparison.best is None:
        return ""
    if not comparison.enough:
        return f"Too few seeds to tell arms apart: that takes {FEWEST_REPLICATES} for each arm."
    others = comparison.tied[1:]
    if not others:
        return "It differs significantly from every other arm."
    if len(others) == len(comparison.arms) - 1:
        return "No arm can be told apart from it."
    count = "One other arm" if len(others) == 1 else f"{len(others)} other arms"
    return f"{count} cannot be told apart from it: {listed(list(map(quoted, others)))}."


def listed(names: Sequence[str]) -> str:
    """List names; of many, the first."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _against_baseline(comparison: ComparisonResult) -> str:
    best = comparison.best
    if best is None or best.standing is None or not comparison.enough:
        return ""
    return f"Compared with the baseline {quoted(comparison.baseline)}, it {_stands(best.standing)}."


def _stands(standing: Standing) -> str:
    found = standing.difference.estimate
    if standing.others_failed:
        return f"is better: the baseline failed with {amount(standing.others_failed, 'seed')}"
    if standing.order == "cannot tell" or found.mean is None:
        return f"differs by {with_interval(found)}, which may be chance"
    return f"is {'lower' if found.mean < 0 else 'higher'} by {with_interval(_size(found))}"


def _size(found: Estimate) -> Estimate:
    """Turn a difference that is below zero into its size."""
    if found.mean is None or found.low is None or found.high is None or found.mean > 0:
        return found
    return Estimate(-found.mean, found.deviation, -found.high, -found.low, found.count, found.failed)


def _claims(claims: Sequence[JudgedClaim]) -> str:
    if not claims:
        return ""
    counts = Counter(claim.verdict for claim in claims)
    parts = [f"{counts[verdict]} {spoken[counts[verdict] > 1]}" for verdict, spoken in SPOKEN.items()
            if counts[verdict]]  # fmt: skip
    return f"Of {amount(len(claims), 'claim')}, {', '.join(parts)}."


def means_note(comparison: ComparisonResult, outside: int) -> str:
    """Say what the intervals are over, and which arms are marked."""
    better = "Lower" if comparison.minimize else "Higher"
    note = (
        f"{better} is better. Means over the seeds with 95 % intervals; each small dot is one seed, at the "
        "value of its best epoch."
    )
    if comparison.tied:
        note += (
            " Diamonds mark the arms that may be the best (multiple comparisons with the best): in 95 % of "
            "such comparisons, the truly best arm is among them."
        )
    return note + _outside(outside)


def _outside(count: int) -> str:
    return f" {amount(count, 'arm')} beyond the axis, drawn as a triangle at its edge." if count else ""


def cut_note() -> str:
    """Say what an arrow means."""
    return " An interval that ends in an arrow continues beyond the axis."


def differences_note(comparison: ComparisonResult, outside: int) -> str:
    """Say how to read the differences."""
    better = "below zero" if comparison.minimize else "above zero"
    return (
        "Paired differences of each arm to the baseline, seed by seed, and their mean with its 95 % "
        f"interval; {better} is better. Effects that a seed has on both arms cancel out. The intervals are "
        "not adjusted for multiple comparisons: of 20 arms that do not differ, about one will appear to."
        + _outside(outside)
    )


def heat_note(comparison: ComparisonResult) -> str:
    """Say how to read the cells."""
    better = "lower" if comparison.minimize else "higher"
    return (
        f"Mean {comparison.metric} of each combination; {better} is better, and shown in a stronger colour. "
        "Frames mark the arms that cannot be told apart from the best."
    )


def curves_note(shown: int, comparison: ComparisonResult, outside: int) -> str:
    """Say which curves are drawn."""
    chosen = f" Only the best, the worst and the baseline of {amount(len(comparison.arms), 'arm')} are shown."
    note = (
        "Mean over the seeds with its 95 % interval as a band; the baseline is grey in each panel. A line is "
        "thin where some seeds have already stopped. Training metrics are measured while the weights change, "
        "with dropout active, as in Keras."
    )
    if shown < sum(bool(arm.ended) for arm in comparison.arms):
        note += chosen
    if comparison.runs.failed:
        note += (
            " Failed runs are not part of a mean; each is drawn up to the epoch where it failed, marked by "
            "a cross."
        )
    return note + (" Values beyond the axis are drawn at its edge." if outside else "")


def claims_note() -> str:
    """Say when a claim holds."""
    return (
        "A claim that one arm is better than another holds if the 95 % interval of their paired difference "
        "lies entirely on the claimed side of zero, does not hold if it lies entirely on the other side, and "
        "is undecided otherwise. A claim that an arm lies between two numbers holds if its interval lies "
        "between them, does not hold if it lies outside, and is undecided otherwise. An arm that failed is "
        "worse than one that did not."
    )


def epochs_note(comparison: ComparisonResult) -> str:
    """Say what the target is, and who never reaches it."""
    target = comparison.target
    if target.loss is None:
        return "There is no target loss yet: no arm has a run that succeeded."
    half = "the lowest loss that at least half of the arms without failures reach with every seed"
    origin = "set in the study file" if target.given else half
    never = sum(not arm.to_target.count for arm in comparison.arms if arm.ended)
    note = f"The target is a val_loss of {short(target.loss)}, {origin}."
    if never:
        note += f" {amount(never, 'arm')} never {'reaches' if never == 1 else 'reach'} it."
    return (
        note + " An arm with a seed that never reaches it has no mean, because the mean of the other seeds "
        "would be biased."
    )


def failures_note(comparison: ComparisonResult) -> str:
    """Count the runs that failed."""
    arms = sum(bool(arm.best.failed) for arm in comparison.arms)
    return (
        f"{amount(comparison.runs.failed, 'run')} of {amount(arms, 'arm')} failed. An arm that failed with "
        "any seed has no mean, and counts as worse than every arm that did not fail."
    )


def limits_notes(comparison: ComparisonResult) -> tuple[str, ...]:
    """Say what the intervals hold for, a paragraph for each limit."""
    seeds = (
        "The intervals are over seeds: different initial weights, orders of the rows and dropout masks, on "
        "one split of one data set. They say nothing about other splits or other data."
    )
    alone = (
        "Each interval is for a single mean or difference. Only the set of arms that may be the best is "
        "adjusted for multiple comparisons; the most striking of many differences is wrong more often than "
        "5 % of the time."
    )
    return tuple(filter(None, (seeds, alone, _optimism(comparison), _best_epoch(comparison))))


def _optimism(comparison: ComparisonResult) -> str:
    found, best = comparison.optimism, comparison.best
    if found is None or best is None:
        return ""
    gain = found.held_out - found.reported if comparison.minimize else found.reported - found.held_out
    verdict = f"which is worse by {short(gain)}" if gain > 0 else "which is not worse"
    other = sum(name != best.name for name in found.chosen)
    changed = f" Another arm is chosen in {other} of {len(found.chosen)} cases." if other else ""
    return (
        "The best mean is optimistic, because the same seeds chose the arm and measured it. Chosen by all "
        f"seeds but one and measured on that one, the best arm has {short(found.held_out)} instead of "
        f"{short(found.reported)}, {verdict}.{changed}"
    )


def _best_epoch(comparison: ComparisonResult) -> str:
    best = comparison.best
    if best is None:
        return ""
    return (
        "Each run counts with its best epoch, which was chosen on the validation set and is therefore "
        f"optimistic too. At the last epoch, {quoted(best.name)} has {with_interval(best.final)}."
    )
