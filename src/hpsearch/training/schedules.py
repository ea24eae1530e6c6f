"""Schedules as pure functions of the step, and the state of the one that listens to results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.spec import Component, Training
from hpsearch.spec.sections.objectives import Direction
from hpsearch.spec.sections.schedules import (
    Cosine,
    CosineRestarts,
    Coslog,
    Exponential,
    FlatCosine,
    InverseTime,
    OneCycle,
    PiecewiseConstant,
    Polynomial,
    ReduceOnPlateau,
    Schedule,
    Step,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RunLength:
    """The length of a run: `steps` in all, `steps_per_epoch` in a full epoch; the last may be cut short."""

    steps_per_epoch: int
    steps: int

    @property
    def epochs(self) -> int:
        """Count the epochs, the last one perhaps not full."""
        return math.ceil(self.steps / self.steps_per_epoch)

    def steps_of(self, epoch: int) -> int:
        """Count the steps of an epoch, from 1."""
        return min(self.steps_per_epoch, self.steps - (epoch - 1) * self.steps_per_epoch)

    def span(self, span: Component) -> float:
        """Return a length of time in steps."""
        amount = float(getattr(span, span.name))
        return amount * {"share": self.steps, "steps": 1, "epochs": self.steps_per_epoch}[span.name]


def run_length(training: Training, rows: int) -> RunLength:
    """Return the length of a run of a configuration on so many training rows."""
    steps_per_epoch = math.ceil(rows / training.batch_size)
    steps = training.steps if training.steps is not None else (training.epochs or 0) * steps_per_epoch
    return RunLength(steps_per_epoch, steps)


TINY = 1e-9
"""What rounding takes from a whole number of periods."""

LONGEST = 2.0**53
"""Steps beyond which a float64 does not count one by one; no run comes near."""


def _period(length: RunLength, span: Component) -> float:
    """Return a period in steps, at least one: Keras' `decay_steps` are whole numbers above 0."""
    return max(length.span(span), 1.0)


def _constant(schedule: Any, t: Floats, length: RunLength, total: float) -> Floats:
    return np.ones_like(t)


def _exponential(schedule: Exponential, t: Floats, length: RunLength, total: float) -> Floats:
    # Keras' ExponentialDecay: rate ** (step / decay_steps).
    periods = t / _period(length, schedule.every)
    return np.power(schedule.rate, np.floor(periods) if schedule.staircase else periods)


def _inverse_time(schedule: InverseTime, t: Floats, length: RunLength, total: float) -> Floats:
    # Keras' InverseTimeDecay: 1 / (1 + rate * step / decay_steps).
    periods = t / _period(length, schedule.every)
    elapsed: Floats = np.floor(periods) if schedule.staircase else periods
    return 1 / (1 + schedule.rate * elapsed)


def _step(schedule: Step, t: Floats, length: RunLength, total: float) -> Floats:
    # A tiny share of a step more, so that a period of a third of the run ends where three of them do.
    return np.power(schedule.factor, np.floor((t + 1e-6) / _period(length, schedule.every)))


def _piecewise_constant(schedule: PiecewiseConstant, t: Floats, length: RunLength, total: float) -> Floats:
    # Keras' PiecewiseConstantDecay: a boundary belongs to the piece before it.
    boundaries = np.sort([length.span(boundary) for boundary in schedule.boundaries])
    steps = t + (length.steps - total)
    return np.array(schedule.values)[np.searchsorted(boundaries, steps)]


def _decay(schedule: Polynomial | Cosine, length: RunLength, total: float) -> float:
    """Return in how many steps a schedule falls: what it says, or else the rest of the run."""
    return total if schedule.decay is None else _period(length, schedule.decay)


def _polynomial(schedule: Polynomial, t: Floats, length: RunLength, total: float) -> Floats:
    # Keras' PolynomialDecay, with its end given as a share of the start.
    elapsed = t / _decay(schedule, length, total)
    cycles = np.maximum(np.ceil(elapsed - TINY), 1) if schedule.cycle else 1.0
    left = 1 - np.minimum(elapsed / cycles, 1)
    fallen: Floats = np.power(left, schedule.power)
    return (1 - schedule.end) * fallen + schedule.end


def _half_cosine(progress: Floats) -> Floats:
    return 0.5 * (1 + np.cos(np.pi * progress))


def _cosine(schedule: Cosine, t: Floats, length: RunLength, total: float) -> Floats:
    # Keras' CosineDecay.
    progress = np.minimum(t / _decay(schedule, length, total), 1)
    return (1 - schedule.alpha) * _half_cosine(progress) + schedule.alpha


def _cosine_restarts(schedule: CosineRestarts, t: Floats, length: RunLength, total: float) -> Floats:
    # Keras' CosineDecayRestarts (SGDR, Loshchilov and Hutter 2017).
    periods = t / _period(length, schedule.first_decay)
    if schedule.t_mul == 1:
        restart = np.floor(periods + TINY)
        progress = periods - restart
    else:
        restart = np.floor(np.log(1 - periods * (1 - schedule.t_mul)) / np.log(schedule.t_mul) + TINY)
        begun = (1 - schedule.t_mul**restart) / (1 - schedule.t_mul)
        progress = (periods - begun) / schedule.t_mul**restart
    height = np.power(schedule.m_mul, restart) * _half_cosine(progress)
    return (1 - schedule.alpha) * height + schedule.alpha


def _one_cycle(schedule: OneCycle, t: Floats, length: RunLength, total: float) -> Floats:
    # Smith and Topin 2018, with half cosines on both sides.
    peak = max(schedule.peak * total, 1e-9)
    low, lowest = 1 / schedule.div, 1 / (schedule.div * schedule.final_div)
    rising = low + (1 - low) * (1 - _half_cosine(np.minimum(t / peak, 1)))
    falling = lowest + (1 - lowest) * _half_cosine(np.clip((t - peak) / max(total - peak, 1e-9), 0, 1))
    return np.where(t < peak, rising, falling)


def _coslog(schedule: Coslog, t: Floats, length: RunLength, total: float) -> Floats:
    # Equation of section 3.2 in RealMLP's paper; c cycles end where log2 is c.
    waves = np.log2(1 + (2**schedule.cycles - 1) * np.minimum(t / total, 1))
    share: Floats = 0.5 * (1 - np.cos(2 * np.pi * waves))
    return share


SHAPES: dict[str, Callable[[Any, Floats, RunLength, float], Floats]] = {
    "constant": _constant,
    "exponential": _exponential,
    "inverse_time": _inverse_time,
    "step": _step,
    "piecewise_constant": _piecewise_constant,
    "polynomial": _polynomial,
    "cosine": _cosine,
    "cosine_restarts": _cosine_restarts,
    "one_cycle": _one_cycle,
    "coslog": _coslog,
    "reduce_on_plateau": _constant,
}
"""Each gives the share of the learning rate at t steps after the warm-up, of `total` such steps."""


def learning_rates(training: Training, length: RunLength, first: int, count: int) -> NDArray[np.float32]:
    """Return the learning rates of consecutive steps, before any reduction on a plateau.

    During a warm-up of w steps, step s has the share (s + 1) / w of the learning rate, or rises from
    `warmup_from` as s / w; then the schedule begins. A run that is shorter than its warm-up ends within it,
    as with Keras' `warmup_steps`: the slope does not depend on the length of the run.

    Args:
        training: The training section of a configuration.
        length: The length of the run.
        first: The first step, from 0 at the beginning of the run.
        count: The number of steps.

    Returns:
        (count,) float32.
    """
    schedule: Any = training.schedule
    steps = np.arange(first, first + count, dtype=np.float64)
    warmup = round(min(length.span(schedule.warmup), LONGEST))
    after = np.maximum(steps - warmup, 0)
    share = SHAPES[schedule.name](schedule, after, length, max(length.steps - warmup, 1))
    share = np.where(steps < warmup, _rise(schedule, steps, max(warmup, 1)), share)
    return (training.learning_rate * share).astype(np.float32)


def scheduled_shares(training: Training, length: RunLength, epoch: int) -> dict[str, float]:
    """Return by how much the rates of dropout and the weight decay are multiplied in an epoch, from 1.

    It is the share in the middle of the epoch. What has no schedule is left out.
    """
    elapsed = (epoch - 0.5) / length.epochs
    given = {"dropout": training.dropout_schedule, "weight_decay": training.weight_decay_schedule}
    return {
        name: float(_half_cosine(np.maximum((elapsed - schedule.flat) / (1 - schedule.flat), 0.0)))
        for name, schedule in given.items()
        if isinstance(schedule, FlatCosine)
    }


def _rise(schedule: Schedule, steps: Floats, warmup: int) -> Floats:
    if schedule.warmup_from is None:
        return (steps + 1) / warmup
    return schedule.warmup_from + (1 - schedule.warmup_from) * steps / warmup


@dataclass(frozen=True)
class Plateau:
    """The state of reduce_on_plateau, as Keras' ReduceLROnPlateau keeps it.

    Attributes:
        factor: What the learning rate is multiplied by.
        best: The best metric so far; smaller is better.
        wait: The epochs since the last improvement.
        cooldown: The epochs until improvements are waited for again.
    """

    factor: float = 1.0
    best: float = math.inf
    wait: int = 0
    cooldown: int = 0

    def after(
        self, training: Training, metrics: Mapping[str, float | None], metric: str, direction: Direction
    ) -> Plateau:
        """Return the state after an epoch.

        Args:
            training: The training section that holds in the next epoch; nothing changes unless its schedule
                is reduce_on_plateau.
            metrics: What the epoch reported.
            metric: The metric of the study.
            direction: The direction of that metric.
        """
        schedule = training.schedule
        if not isinstance(schedule, ReduceOnPlateau):
            return self
        loss = schedule.seen_in(metrics, metric, direction)
        cooldown = max(self.cooldown - 1, 0)
        wait = 0 if cooldown else self.wait
        if loss < self.best - schedule.min_delta:
            return Plateau(self.factor, loss, 0, cooldown)
        if cooldown:
            return Plateau(self.factor, self.best, wait, cooldown)
        if wait + 1 < schedule.patience:
            return Plateau(self.factor, self.best, wait + 1, 0)
        floor = schedule.min_learning_rate / training.learning_rate
        factor = max(self.factor * schedule.factor, min(floor, self.factor))
        return Plateau(factor, self.best, 0, schedule.cooldown)
