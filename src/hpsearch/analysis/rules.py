"""In which regions of the search space trials of one kind lie, such as the failures, as short rules.

Every region of one or two conditions is tried, with the thresholds at which the kind of neighbouring values
changes: no others can be best (Fayyad and Irani, Machine Learning 8, 1992). That one is taken whose
knowledge makes the kinds of the trials most likely (the likelihood ratio, as in CN2: Clark and Niblett,
Machine Learning 3, 1989), if most trials in it are marked and it is hardly an accident: the probability
that as many marked trials fall into a region of its size by chance (the hypergeometric tail, Fisher's exact
test), times the number of regions tried, is below 1 %. Trials may fail for several causes, so what is left
outside is searched again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import hypergeom

from hpsearch.analysis.conditions import Candidate, Condition, Score, Truth, conditions_on, sharpened
from hpsearch.analysis.influence.columns import columns_of
from hpsearch.store.record import StudyRecord, TrialRecord

FEWEST_MARKED = 5
LEAST_PRECISION = 0.7
LEAST_COVERAGE = 0.5
"""The share of the marked trials that all rules together must cover."""

CHANCE = 0.01
MOST_RULES = 3

__all__ = ["Condition", "Rule", "find_rules"]


@dataclass(frozen=True)
class Rule:
    """A region, and how well it tells the marked trials from the others.

    `marked` counts the marked trials, `inside` the trials in the region, `hits` the marked ones in it, whose
    numbers are `trials`; regions may overlap.
    """

    conditions: tuple[Condition, ...]
    marked: int
    inside: int
    hits: int
    trials: tuple[int, ...] = ()

    @property
    def precision(self) -> float:
        """Return the share of the trials in the region that are marked."""
        return self.hits / self.inside

    @property
    def coverage(self) -> float:
        """Return the share of the marked trials that lie in the region."""
        return self.hits / self.marked

    @property
    def where(self) -> str:
        """Write the conditions."""
        return " and ".join(map(str, self.conditions))

    def told(self, plural: str = "failures", verb: str = "failed") -> str:
        """Write the rule as a sentence."""
        share = f"{100 * self.coverage:.0f} % of the {plural} have"
        return f"{share} {self.where} ({self.hits:,} of {self.inside:,} such trials {verb})."


def has_failed(trial: TrialRecord) -> bool:
    """Return whether a trial failed."""
    return trial.state == "failed"


def find_rules(record: StudyRecord, marks: Callable[[TrialRecord], bool] = has_failed) -> tuple[Rule, ...]:
    """Find the regions of the search space that the marked trials are in, the clearest first.

    Args:
        record: The study; only its finished trials are used.
        marks: Whether a trial is marked; by default those that failed are.

    Returns:
        Empty if the regions would cover less than half of the marked trials.
    """
    trials = [trial for trial in record.trials if trial.state != "running"]
    marked = np.array([bool(marks(trial)) for trial in trials])
    if marked.sum() < FEWEST_MARKED or marked.all():
        return ()
    columns = columns_of(record.parameters, trials)
    regions = _regions([each for column in columns for each in conditions_on(column, marked)], marked)
    covered = np.logical_or.reduce([region.truth for region in regions]) if regions else np.zeros_like(marked)
    if (covered & marked).sum() < LEAST_COVERAGE * marked.sum():
        return ()
    return tuple(region.rule(trials, marked) for region in regions)


@dataclass(frozen=True)
class _Region:
    """Conditions, and for which trials all of them hold."""

    conditions: tuple[Candidate, ...]

    @property
    def truth(self) -> Truth:
        return np.asarray(np.logical_and.reduce([each.truth for each in self.conditions]))

    def rule(self, trials: Sequence[TrialRecord], marked: Truth) -> Rule:
        """Count over all trials."""
        hits = tuple(trial.number for trial, hit in zip(trials, self.truth & marked, strict=True) if hit)
        inside, known = int(self.truth.sum()), tuple(each.condition for each in self.conditions)
        return Rule(known, int(marked.sum()), inside, len(hits), tuple(sorted(hits)))


def _regions(candidates: Sequence[Candidate], marked: Truth) -> list[_Region]:
    """Find regions one after another, each among the trials that are outside of the earlier ones."""
    found: list[_Region] = []
    left = np.ones_like(marked)
    while len(found) < MOST_RULES and (region := _region(candidates, marked, left)) is not None:
        found.append(region)
        left &= ~region.truth
    return found


def _region(candidates: Sequence[Candidate], marked: Truth, left: Truth) -> _Region | None:
    """Find the best region of one condition or of two, if it is good enough and hardly an accident."""
    if not candidates or (marked & left).sum() < FEWEST_MARKED:
        return None
    score = _score_of(int(left.sum()), int((marked & left).sum()))
    pair, single = _best(np.array([candidate.truth[left] for candidate in candidates]), marked[left], score)
    for places, tried in ((pair, len(candidates) ** 2 / 2), (single, len(candidates))):
        region = _sharpened([candidates[place] for place in places], marked, left, score)
        if _is_clear(region, marked, left, tried):
            return region
    return None


def _score_of(trials: int, total: int) -> Score:
    """Score regions by the likelihood ratio; those with too few marked trials are out of the question."""

    def score(inside: NDArray[Any], hits: NDArray[Any]) -> NDArray[Any]:
        gain = _likelihood(hits, inside) + _likelihood(total - hits, trials - inside)
        return np.where((hits >= LEAST_PRECISION * inside) & (hits > 0), gain, -np.inf)

    return score


def _likelihood(hits: NDArray[Any], size: NDArray[Any]) -> NDArray[Any]:
    """Return the logarithm of the likelihood of so many marked trials at their own share."""
    share = hits / np.maximum(size, 1)
    return np.asarray(xlogy(hits, share) + xlogy(size - hits, 1 - share))


def _best(truths: Truth, marked: Truth, score: Score) -> tuple[tuple[int, ...], tuple[int]]:
    """Find the two conditions that together score best, and the one that does so alone."""
    weights = truths.astype(np.float32)
    inside = weights @ weights.T
    scores = score(inside, (weights * marked.astype(np.float32)) @ weights.T)
    single, pair = int(np.argmax(np.diag(scores))), divmod(int(np.argmax(scores)), len(truths))
    if scores[pair] <= scores[single, single]:
        return (single,), (single,)
    return tuple(sorted(pair)), (single,)


def _sharpened(chosen: Sequence[Candidate], marked: Truth, left: Truth, score: Score) -> _Region:
    for _ in chosen:
        others = np.logical_and.reduce([left, *(other.truth for other in chosen[1:])])
        chosen = [*chosen[1:], sharpened(chosen[0], others, marked, score)]
    return _Region(tuple(chosen))


def _is_clear(region: _Region, marked: Truth, left: Truth, tried: float) -> bool:
    """Return whether a region is precise, not an accident, and no condition of it superfluous."""
    inside, hits = region.truth & left, region.truth & left & marked
    if hits.sum() < max(LEAST_PRECISION * inside.sum(), 1) or tried * _chance(inside, marked, left) > CHANCE:
        return False
    if len(region.conditions) == 1:
        return True
    return all(_chance(inside, marked, left & each.truth) <= CHANCE for each in region.conditions)


def _chance(inside: Truth, marked: Truth, among: Truth) -> float:
    """Return the probability of at least so many marked trials in a region of this size of some trials."""
    hits, total = int((inside & marked).sum()), int((marked & among).sum())
    return float(hypergeom.sf(hits - 1, int(among.sum()), total, int(inside.sum())))
