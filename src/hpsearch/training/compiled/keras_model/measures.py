"""What the objective of a study says of rows, computed by programs."""

from __future__ import annotations

from typing import Any

import jax

from hpsearch.models.components.objectives import Objective, RowMeasures
from hpsearch.training.compiled.keras_model.operations import ZERO, rounded_apart

TASKS = ("classification", "regression")
"""Those whose own losses a program computes as single operations do, to the last bit. It does not where a
mean is over logarithms, as of several labels: those of a vector are rounded otherwise than that of one."""


class Measures:
    """Programs by objective and the shapes of rows: compiled and run in a part of the time without them."""

    def __init__(self) -> None:
        self._programs: dict[Any, Any] = {}

    def of(self, objective: Objective, rows: tuple[Any, ...]) -> RowMeasures:
        """Measure rows: tensors of targets, of logits, and of weights where they have some."""
        own = objective.loss is None and objective.function is None
        if type(objective) is not Objective or not own or objective.task not in TASKS:
            return objective.of_rows(*rows)
        numbers = {} if objective.scaling is None else objective.scaling.numbers()
        shapes = ((part.shape, part.dtype) for part in rows)
        key = (objective.task, objective.outputs, *numbers, *shapes)

        def measured(numbers: dict[str, Any], *rows: Any) -> RowMeasures:
            return objective.of_numbers(numbers).of_rows(*rows)

        if key not in self._programs:
            program = jax.jit(rounded_apart(measured))
            self._programs[key] = program.lower(ZERO, numbers, *rows).compile()
        found: RowMeasures = self._programs[key](ZERO, numbers, *rows)
        return found
