"""Which metric early stopping and a plateau look at, and in which direction it gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, WithJsonSchema

from hpsearch.spec.sections.further_metrics import METRICS as FURTHER
from hpsearch.spec.sections.further_metrics import is_larger_better
from hpsearch.spec.sections.objectives import METRICS, OF_TARGETS, Direction, direction_of
from hpsearch.spec.study_file.distributions import DEFINITION, problem
from hpsearch.spec.study_file.parts import Part

REPORTED = {
    "classification": ("loss", "loss_with_penalties", "accuracy"),
    "multilabel": ("loss", "loss_with_penalties", "accuracy"),
    "regression": ("loss", "loss_with_penalties", "mae"),
}
"""What every epoch of a task reports of the training rows; of the validation rows it is called `val_...`."""

MONITORED = tuple(
    dict.fromkeys(f"{rows}{name}" for names in REPORTED.values() for rows in ("", "val_") for name in names)
)


_KNOWN = list(dict.fromkeys((*MONITORED, *METRICS, *FURTHER)))


def _known_monitor(name: str) -> str:
    # A metric with arguments is recorded with these, as in precision(class_id=1).
    if name.partition("(")[0] not in _KNOWN and not OF_TARGETS.fullmatch(name):
        raise problem("a metric that an epoch reports", options=_KNOWN, found=repr(name))
    return name


Monitor = Annotated[
    str,
    AfterValidator(_known_monitor),
    WithJsonSchema(
        {
            "anyOf": [{"enum": _KNOWN}, {"pattern": "\\("}, {"pattern": f"^{OF_TARGETS.pattern}$"}],
            DEFINITION: "monitor",
        }
    ),
]


class Monitoring(Part):
    """A part that looks at a metric after each epoch: at `monitor`, or else at the metric of the study.

    With `mode: auto` losses and errors are to become smaller, and all others larger.
    """

    unwritten: ClassVar = frozenset({"mode"})
    monitor: Monitor | None = None
    mode: Literal["auto", "min", "max"] = "auto"

    def turned(self, value: float, direction: Direction) -> float:
        """Turn a value of the metric so that smaller is better.

        Args:
            value: The value.
            direction: That of the metric of the study.
        """
        own = direction if self.monitor is None else _direction_of(self.monitor)
        minimized = self.mode == "min" if self.mode != "auto" else own == "minimize"
        return value if minimized else -value

    def seen_in(self, metrics: Mapping[str, float | None], metric: str, direction: Direction) -> float:
        """Return the value of an epoch, turned so that smaller is better.

        Args:
            metrics: What the epoch reported.
            metric: The metric of the study.
            direction: The direction of that metric.

        Returns:
            The value; NaN where it is not finite.
        """
        value = metrics.get(self.monitor or metric)
        return math.nan if value is None else self.turned(value, direction)


def _direction_of(name: str) -> Direction:
    if name in MONITORED:
        return "minimize" if name.endswith(("loss", "loss_with_penalties", "mae")) else "maximize"
    larger = is_larger_better(name)
    return direction_of(name) if larger is None else "maximize" if larger else "minimize"
