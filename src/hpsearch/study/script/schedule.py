"""The learning rate of each step as plain code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Training
from hpsearch.store.record import TrialRecord
from hpsearch.training.schedules import TINY, RunLength

SCHEDULE = '''

class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step."""

    def __call__(self, step):
        return keras.ops.take(keras.ops.convert_to_tensor(rates), keras.ops.cast(step, "int32"))


'''


def schedule_lines(training: Training, length: RunLength, trial: TrialRecord) -> Iterator[str]:
    """Write the learning rates of a run; nothing where they do not move.

    Those that fell where a metric did not improve are written as the study had them.

    Raises:
        UnsupportedError: The schedule has options that are not written.
    """
    schedule: Any = training.schedule
    if not is_moving(training):
        return
    warmup = round(length.span(schedule.warmup))
    if schedule.name == "reduce_on_plateau":
        yield from _as_reduced(length, trial, warmup)
    else:
        total = max(length.steps - warmup, 1)
        yield f"steps = np.arange({length.steps}.0)"
        yield f"t = np.maximum(steps - {warmup}, 0)  # since the warm-up"
        yield f"share = {SHARES[schedule.name](schedule, length, total)}"
        if warmup:
            yield f"share = np.where(steps < {warmup}, {_rise(schedule, warmup)}, share)"
        yield f"rates = ({training.learning_rate!r} * share).astype(np.float32)"
    yield SCHEDULE


def is_moving(training: Training) -> bool:
    """Tell whether the learning rate is not the same in all steps."""
    schedule: Any = training.schedule
    return schedule.name != "constant" or any(number for _, number in schedule.warmup.items())


def _as_reduced(length: RunLength, trial: TrialRecord, warmup: int) -> Iterator[str]:
    rates = trial.history.get("learning_rate", ())
    if warmup or None in rates:
        raise UnsupportedError(_unwritten("reduce_on_plateau with a warm-up"))
    yield "# of each epoch, as they were reduced where the metric did not improve"
    yield f"rates = np.repeat(np.float32({list(rates)}), {length.steps_per_epoch})"


def _unwritten(what: str) -> str:
    return f"no plain script can be written of this study: its schedule is {what}"


def _rise(schedule: Any, warmup: int) -> str:
    if schedule.warmup_from is None:
        return f"(steps + 1) / {warmup}"
    return f"{schedule.warmup_from} + (1 - {schedule.warmup_from}) * steps / {warmup}"


def _period(length: RunLength, span: Any) -> float:
    return max(length.span(span), 1.0)


def _elapsed(schedule: Any, length: RunLength) -> str:
    periods = f"t / {_period(length, schedule.every)!r}"
    return f"np.floor({periods})" if schedule.staircase else periods


def _exponential(schedule: Any, length: RunLength, _: float) -> str:
    return f"np.power({schedule.rate!r}, {_elapsed(schedule, length)})"


def _inverse_time(schedule: Any, length: RunLength, _: float) -> str:
    return f"1 / (1 + {schedule.rate!r} * ({_elapsed(schedule, length)}))"


def _step(schedule: Any, length: RunLength, _: float) -> str:
    return f"np.power({schedule.factor!r}, np.floor((t + 1e-6) / {_period(length, schedule.every)!r}))"


def _piecewise(schedule: Any, length: RunLength, total: float) -> str:
    boundaries = sorted(length.span(boundary) for boundary in schedule.boundaries)
    return f"np.array({list(schedule.values)})[np.searchsorted({boundaries}, t + {length.steps - total})]"


def _polynomial(schedule: Any, length: RunLength, total: float) -> str:
    if schedule.cycle:
        raise UnsupportedError(_unwritten("polynomial with cycles"))
    left = f"(1 - np.minimum(t / {_decay(schedule, length, total)!r}, 1))"
    return f"(1 - {schedule.end!r}) * np.power({left}, {schedule.power!r}) + {schedule.end!r}"


def _decay(schedule: Any, length: RunLength, total: float) -> float:
    return total if schedule.decay is None else _period(length, schedule.decay)


def _half_cosine(progress: str) -> str:
    return f"(0.5 * (1 + np.cos(np.pi * {progress})))"


def _cosine(schedule: Any, length: RunLength, total: float) -> str:
    half = _half_cosine(f"np.minimum(t / {_decay(schedule, length, total)!r}, 1)")
    return f"(1 - {schedule.alpha!r}) * {half} + {schedule.alpha!r}"


def _restarts(schedule: Any, length: RunLength, _: float) -> str:
    periods, factor = f"t / {_period(length, schedule.first_decay)!r}", schedule.t_mul
    if factor == 1:
        begun, progress = f"np.floor({periods} + {TINY})", f"({periods} - restart)"
    else:
        begun = f"np.floor(np.log(1 - {periods} * (1 - {factor!r})) / np.log({factor!r}) + {TINY})"
        start = f"(1 - {factor!r} ** restart) / (1 - {factor!r})"
        progress = f"(({periods} - {start}) / {factor!r} ** restart)"
    height = f"np.power({schedule.m_mul!r}, restart := {begun}) * {_half_cosine(progress)}"
    return f"(1 - {schedule.alpha!r}) * ({height}) + {schedule.alpha!r}"


def _one_cycle(schedule: Any, _: RunLength, total: float) -> str:
    peak = max(schedule.peak * total, 1e-9)
    low, lowest = 1 / schedule.div, 1 / (schedule.div * schedule.final_div)
    up = _half_cosine(f"np.minimum(t / {peak!r}, 1)")
    down = _half_cosine(f"np.clip((t - {peak!r}) / {max(total - peak, 1e-9)!r}, 0, 1)")
    rising = f"{low!r} + (1 - {low!r}) * (1 - {up})"
    return f"np.where(t < {peak!r}, {rising}, {lowest!r} + (1 - {lowest!r}) * {down})"


def _coslog(schedule: Any, _: RunLength, total: float) -> str:
    waves = f"np.log2(1 + {2**schedule.cycles - 1} * np.minimum(t / {total}, 1))"
    return f"0.5 * (1 - np.cos(2 * np.pi * {waves}))"


SHARES: dict[str, Callable[[Any, RunLength, float], str]] = {
    "constant": lambda *_: "np.ones_like(t)",
    "exponential": _exponential,
    "inverse_time": _inverse_time,
    "step": _step,
    "piecewise_constant": _piecewise,
    "polynomial": _polynomial,
    "cosine": _cosine,
    "cosine_restarts": _restarts,
    "one_cycle": _one_cycle,
    "coslog": _coslog,
}
"""What `training.schedules` computes, as an expression of t steps after the warm-up."""
