"""Records of studies whose values follow a formula of their parameters, drawn at random."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from hpsearch.spec import StudySpec
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.store.record import StudyRecord, TrialRecord
from support import synthetic

CAUSE = "the training loss is not finite"

Formula = Callable[[dict[str, Any]], float]


def spec_of(raw: dict[str, Any], metric: str = "val_loss") -> StudySpec:
    return StudySpec.model_validate({**raw, "search": {"metric": metric, "trials": 10}})


def cube(names: int, low: float = 0.0, high: float = 1.0, **more: Any) -> StudySpec:
    """Search `x0`, `x1`, ... evenly over a range, as arguments of a model of one's own."""
    ranges = {f"x{index}": {"uniform": [low, high]} for index in range(names)}
    model = {"python": {"file": "net.py", "arguments": {**ranges, **more}}}
    return spec_of({"name": "cube", "data": "sklearn:digits", "model": model, "training": {"epochs": 2}})


def formula_record(
    trials: int, formula: Formula, seed: object = 0, failing: Callable[[dict[str, Any]], bool] | None = None
) -> StudyRecord:
    """Draw trials with three parameters of which the value is a formula."""
    return from_formula(cube(3), trials, formula, seed, failing)


def from_formula(
    spec: StudySpec,
    trials: int,
    formula: Formula,
    seed: object = 0,
    failing: Callable[[dict[str, Any]], bool] | None = None,
) -> StudyRecord:
    """Draw trials; where `failing`, a trial fails."""
    draw = random.Random(f"formula-{seed}")  # noqa: S311 - no secret
    space = SearchSpace(spec)
    made = [_trial(space, number, draw, formula, failing) for number in range(trials)]
    return StudyRecord(spec=spec, data=synthetic.DATA, trials=tuple(made))


def _trial(
    space: SearchSpace, number: int, draw: random.Random, formula: Formula, failing: Any
) -> TrialRecord:
    values: dict[str, Value] = {}

    def choose(parameter: Parameter) -> Value:
        values[parameter.name] = drawn(parameter, draw)
        return values[parameter.name]

    configuration = space.configure(choose)
    failed = failing is not None and failing(values)
    value = None if failed else float(formula(values))
    return TrialRecord(
        number=number,
        state="failed" if failed else "complete",
        value=value,
        parameters=values,
        configuration=configuration,
        epochs=1 if failed else 2,
        best_epoch=None if failed else 2,
        seconds=1.0,
        seed=number,
        cause=f"{CAUSE} (epoch 1, step {number})" if failed else None,
        history={"val_loss": (None,) if failed else (value, value)},
    )


def drawn(parameter: Parameter, draw: random.Random) -> Value:
    values = parameter.values()
    if values is not None and not getattr(parameter.distribution, "log", False):
        return draw.choice(values)
    distribution: Any = parameter.distribution
    if not distribution.log:
        return draw.uniform(distribution.low, distribution.high)
    number = math.exp(draw.uniform(math.log(distribution.low), math.log(distribution.high)))
    return round(number) if distribution.integer else number
