"""The sentences of the page on a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpsearch.analysis.arms.claims import ClaimVerdict, JudgedClaim
from hpsearch.analysis.arms.comparison import Comparison
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
    "not enough": ("has not enough seeds", "have not enough seeds"),
}
"""Each verdict of one claim, and of several."""


def answer(comparison: Comparison) -> str:
    """Say which arms are best, by how much, and what became of the claims."""
    return " ".join(sentences(comparison))


def sentences(comparison: Comparison) -> list[str]:
    """Give the sentences of the answer."""
    told = (
        _trained(comparison),
        _best(comparison),
        _ties(comparison),
        _against_baseline(comparison),
        _claims(comparison.claims),
    )
    return list(filter(None, told))


def _trained(comparison: Comparison) -> str:
    runs = comparison.runs
    sentence = (
        f"{amount(len(comparison.arms), 'arm')}, each trained from the same {amount(runs.replicates, 'seed')}"
    )
    sentence += f"; {amount(runs.failed, 'run')} of {runs.ended:,} failed." if runs.failed else "."
    if runs.ended < runs.planned:
        sentence += f" Not finished: {runs.ended:,} of {amount(runs.planned, 'run')} are over."
    return sentence


def _best(comparison: Comparison) -> str:
    best = comparison.best
    if best is None:
        over = comparison.runs.ended
        return "Every arm failed on a seed, so none is best." if over else "No run is over yet."
    better = "lower" if comparison.minimize else "higher"
    metric = f"mean {comparison.metric} ({better} is better)"
    told = f"The best {metric} has {quoted(best.name)}: {with_interval(best.best)}"
    return "; ".join(filter(None, (told, chance_words(comparison.chance)))) + "."


def quoted(name: str) -> str:
    """Set off the name of an arm, which may have commas, from the sentence around it."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"


def _ties(comparison: Comparison) -> str:
    if comparison.best is None:
        return ""
    if not comparison.enough:
        return f"There is not enough to tell arms apart: that takes {FEWEST_REPLICATES} seeds of each."
    others = comparison.tied[1:]
    if not others:
        return "It is told apart from every other arm."
    if len(others) == len(comparison.arms) - 1:
        return "No arm can be told apart from it."
    count = "One other arm" if len(others) == 1 else f"{len(others)} other arms"
    return f"{count} cannot be told apart from it: {listed(list(map(quoted, others)))}."


def listed(names: Sequence[str]) -> str:
    """List names; of many, the first."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _against_baseline(comparison: Comparison) -> str:
    best = comparison.best
    if best is None or best.standing is None or not comparison.enough:
        return ""
    return f"Against the baseline, {quoted(comparison.baseline)}, it {_stands(best.standing)}."


def _stands(standing: Standing) -> str:
    found = standing.difference.estimate
    if standing.others_failed:
        return f"is better: that failed on {amount(standing.others_failed, 'seed')}"
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
    told = [f"{counts[verdict]} {spoken[counts[verdict] > 1]}" for verdict, spoken in SPOKEN.items()
            if counts[verdict]]  # fmt: skip
    return f"Of {amount(len(claims), 'claim')}, {', '.join(told)}."


def means_note(comparison: Comparison, outside: int) -> str:
    """Say what the intervals are over, and which arms are marked."""
    better = "Lower" if comparison.minimize else "Higher"
    note = (
        f"{better} is better. Each mean is over the seeds, with its 95 % interval; a small dot is one seed, "
        "its value that of the run's best epoch."
    )
    if comparison.tied:
        note += (
            " Diamonds are the arms that may be the best, judged together: in 95 % of such comparisons the "
            "truly best is among them."
        )
    return note + _outside(outside)


def _outside(count: int) -> str:
    return f" {amount(count, 'arm')} beyond the axis: a triangle at its edge." if count else ""


def cut_note() -> str:
    """Say what an arrow means."""
    return " An interval that ends in an arrow goes on beyond the axis."


def differences_note(comparison: Comparison, outside: int) -> str:
    """Say how to read the differences."""
    better = "below zero" if comparison.minimize else "above zero"
    return (
        f"The difference of each arm to the baseline on the same seed, and the mean of these with its 95 % "
        f"interval; {better} is better. What a seed does to both arms drops out. Each interval is for one "
        "difference: of 20 arms that are really no different, about one would be called so."
        + _outside(outside)
    )


def heat_note(comparison: Comparison) -> str:
    """Say how to read the cells."""
    better = "lower" if comparison.minimize else "higher"
    return (
        f"Mean {comparison.metric} of each combination; stronger where it is {better}, and so better. Framed "
        "are the arms that cannot be told apart from the best."
    )


def curves_note(shown: int, comparison: Comparison, outside: int) -> str:
    """Say which curves are drawn."""
    chosen = f" Of {amount(len(comparison.arms), 'arm')}, these are the best, the worst and the baseline."
    note = (
        "The mean over the seeds, with its 95 % interval as a band; the baseline in grey in each panel. A "
        "line is thin where some seeds have stopped already. The curve of the training part is measured "
        "while the weights change, with dropout at work."
    )
    if shown < sum(bool(arm.ended) for arm in comparison.arms):
        note += chosen
    if comparison.runs.failed:
        note += " A run that failed is no part of a mean; it is drawn as far as it came, up to its cross."
    return note + (" Values beyond the axis are drawn at its edge." if outside else "")


def claims_note() -> str:
    """Say when a claim holds."""
    return (
        "That one arm is better than another holds where the 95 % interval of their difference on the same "
        "seeds lies on the claimed side of zero, does not hold where it lies on the other side, and else "
        "cannot be told. That an arm lies between two numbers holds where its interval lies between them, "
        "does not hold where it lies outside, and else cannot be told. An arm that failed is worse than one "
        "that did not."
    )


def epochs_note(comparison: Comparison) -> str:
    """Say what the target is, and who never reaches it."""
    target = comparison.target
    if target.loss is None:
        return "There is no target loss yet: no arm has a run without failure."
    half = "which at least half of the arms that did not fail reach with every seed"
    origin = "as the study file says" if target.given else half
    never = sum(not arm.to_target.count for arm in comparison.arms if arm.ended)
    note = f"The target is a val_loss of {short(target.loss)}, {origin}."
    if never:
        note += f" {amount(never, 'arm')} never {'reaches' if never == 1 else 'reach'} it."
    return note + " Where a seed never does, there is no mean, because one over the others would flatter."


def failures_note(comparison: Comparison) -> str:
    """Count the runs that failed."""
    arms = sum(bool(arm.best.failed) for arm in comparison.arms)
    return (
        f"{amount(comparison.runs.failed, 'run')} of {amount(arms, 'arm')} failed. An arm that failed on a "
        "seed has no mean, and is worse than any that did not fail."
    )


def limits_notes(comparison: Comparison) -> tuple[str, ...]:
    """Say what the intervals hold for, a paragraph for each limit."""
    seeds = (
        "The intervals are over seeds: other first weights, another order of the rows, other dropout, all on "
        "the same split of the same data. They say nothing of how another split or other data would turn out."
    )
    alone = (
        "Each interval is for one mean or one difference alone. Only the arms that may be the best are "
        "judged together; who picks the most striking of many differences will be wrong more often than 5 % "
        "of the time."
    )
    return tuple(filter(None, (seeds, alone, _optimism(comparison), _best_epoch(comparison))))


def _optimism(comparison: Comparison) -> str:
    found, best = comparison.optimism, comparison.best
    if found is None or best is None:
        return ""
    gain = found.held_out - found.reported if comparison.minimize else found.reported - found.held_out
    verdict = f"worse by {short(gain)}" if gain > 0 else "which is no worse"
    other = sum(name != best.name for name in found.chosen)
    changed = f" The choice falls on another arm {other} of {len(found.chosen)} times." if other else ""
    return (
        "The best mean was chosen by the numbers that it is told in, and so flatters. Chosen by all seeds "
        f"but one and judged on that one, the best arm gives {short(found.held_out)} instead of "
        f"{short(found.reported)}, {verdict}.{changed}"
    )


def _best_epoch(comparison: Comparison) -> str:
    best = comparison.best
    if best is None:
        return ""
    return (
        "Each run counts with its best epoch, which was chosen on the validation part and flatters too. At "
        f"the last epoch {quoted(best.name)} has {with_interval(best.final)}."
    )
