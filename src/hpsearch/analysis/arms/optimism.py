"""How much better the best arm looks than it is, because it was chosen by the numbers it is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from hpsearch.scheduling.racing.estimates import FEWEST_REPLICATES, Values

Sound = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True)
class Optimism:
    """The mean of the arm with the best mean, beside what such a choice gives on a seed it has not seen.

    For each seed in turn the best arm is chosen by the means over the other seeds: `chosen` names these arms,
    and `held_out` is the mean of their values on the seeds that were left out.
    """

    reported: float
    held_out: float
    chosen: tuple[str, ...]


def judge_optimism(arms: Mapping[str, Values], *, minimize: bool) -> Optimism | None:
    """Leave one seed out at a time; None with fewer than two arms that have a value on every seed."""
    seeds = sorted({seed for values in arms.values() for seed in values})
    sound = {
        name: {seed: value for seed, value in values.items() if value is not None}
        for name, values in arms.items()
    }
    sound = {name: values for name, values in sound.items() if len(values) == len(seeds)}
    if len(sound) < 2 or len(seeds) < FEWEST_REPLICATES:
        return None
    chosen = [_best(sound, [other for other in seeds if other != seed], minimize=minimize) for seed in seeds]
    reported = fmean(sound[_best(sound, seeds, minimize=minimize)].values())
    held_out = fmean(sound[name][seed] for name, seed in zip(chosen, seeds, strict=True))
    return Optimism(reported, held_out, tuple(chosen))


def _best(arms: Sound, seeds: list[int], *, minimize: bool) -> str:
    means = {name: fmean(values[seed] for seed in seeds) for name, values in arms.items()}
    return (min if minimize else max)(means, key=means.__getitem__)
