"""Which trials a sampler learns from: all of them while they are few, and else a part that says as much."""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import islice

from hpsearch.seeds import derive

Rank = tuple[float, ...]

MOST = 400
"""Trials that a sampler learns from: what a suggestion costs grows with them."""

BEST = 25
"""The best of them, which are always among these: as many as our sampler and Optuna's ever count as good."""

UNDER_WAY = 100
"""The last ones under way, from which the next suggestion keeps away."""


class LearnedTrials:
    """The best trials, the last ones under way, and others by lot, each with its rank.

    The lot of a trial depends on its number alone: of trials that are equally far, the same are learned from
    however often the study was interrupted. It is an even draw of all, as a density of them asks for.
    """

    def __init__(self) -> None:
        self.ranks: dict[int, Rank | None] = {}
        """By number; None while a trial is under way."""
        self._ranked: list[tuple[Rank, int]] = []
        self._lots: list[tuple[int, int]] = []
        self._under_way: dict[int, None] = {}

    def put(self, number: int, rank: Rank | None) -> None:
        """Note the rank of a trial, which may have had another one before."""
        before, self.ranks[number] = self.ranks.get(number), rank
        if rank is None:
            self._under_way[number] = None
            return
        if before is None:
            self._under_way.pop(number, None)
            insort(self._lots, (derive(0, "learned", number), number))
        else:
            del self._ranked[bisect_left(self._ranked, (before, number))]
        insort(self._ranked, (rank, number))

    def numbers(self) -> list[int]:
        """Return the trials to learn from, by number."""
        if len(self.ranks) <= MOST:
            return sorted(self.ranks)
        chosen = {number for _, number in self._ranked[:BEST]}
        chosen.update(islice(reversed(self._under_way), UNDER_WAY))
        lots = (number for _, number in self._lots if number not in chosen)
        return sorted({*chosen, *islice(lots, MOST - len(chosen))})
