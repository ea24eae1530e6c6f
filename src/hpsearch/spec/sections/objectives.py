"""What a search optimizes: one metric, or several objectives that no single number stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from hpsearch.spec.sections.constraints import PARAMETERS
from hpsearch.spec.sections.further_metrics import FURTHER_METRICS, is_larger_better, metric_name
from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.parts import Component, required_fields

MINIMIZED = ("val_loss",)
MAXIMIZED = ("val_accuracy",)
OF_TARGETS = re.compile(r"val_\w+_(loss|accuracy|mae)")
"""The loss, and the accuracy or the mean absolute error, of one of several named targets."""

METRICS = (*MINIMIZED, *MAXIMIZED, *SCORERS["classification"], *SCORERS["regression"])

MEASURED = ("seconds", "seconds_per_row")
NOT_MEASURED = (
    "an objective that is a function of the study alone: a measured time differs from run to run, and a "
    f"search that goes on after a kill would be another one; {PARAMETERS}, the number of weights, does not"
)

Direction = Literal["minimize", "maximize"]


def direction_of(metric: str) -> Direction:
    """Return whether an objective is minimized or maximized; scikit-learn's scorers are all maximized."""
    of_target = OF_TARGETS.fullmatch(metric)
    minimized = metric in (*MINIMIZED, PARAMETERS) or (of_target and of_target[1] != "accuracy")
    return "minimize" if minimized or is_larger_better(metric) is False else "maximize"


def _known_metric(name: str, at: tuple[int, ...] = ()) -> str:
    if name not in METRICS and not OF_TARGETS.fullmatch(name):
        raise problem(
            "a metric: val_loss, val_accuracy or the name of a scikit-learn scorer",
            options=list(METRICS),
            word=name,
            found=repr(name),
            at=at,
        )
    return _kerased(name)


def _kerased(name: str) -> str:
    # scikit-learn's accuracy on the validation part is what Keras calls val_accuracy.
    return "val_accuracy" if name == "accuracy" else name


def _one_or_several(raw: Any) -> str | tuple[str, ...]:
    """Read a metric, or a list of objectives, the first of which is one; a list of one is that metric."""
    listed = isinstance(raw, list | tuple)
    names = list(raw) if listed else [raw]
    if not names or not all(isinstance(name, str) for name in names):
        raise problem("the name of a metric, or a list of such names", found=repr(raw))
    for place, name in enumerate(names):
        at = (place,) if listed else ()
        if name in MEASURED:
            raise problem(NOT_MEASURED, found=repr(name), at=at)
        if _kerased(name) in map(_kerased, names[:place]):
            raise problem("objectives, each once", found=repr(name), at=at)
    if names[0] == PARAMETERS:
        expected = f"first a metric, by which epochs are chosen, as in [val_loss, {PARAMETERS}]"
        raise problem(expected, found=repr(PARAMETERS), at=(0,) if listed else ())
    first = _known_metric(names[0], (0,) if listed else ())
    return (first, *map(_kerased, names[1:])) if len(names) > 1 else first


_METRIC = {"anyOf": [{"enum": list(METRICS)}, {"type": "string", "pattern": f"^{OF_TARGETS.pattern}$"}]}
_OBJECTIVES = {"type": "array", "minItems": 1, "items": {"type": "string"}}

Metric = Annotated[
    str | tuple[str, ...],
    BeforeValidator(_one_or_several),
    WithJsonSchema({"anyOf": [*_METRIC["anyOf"], _OBJECTIVES]}),
]


def is_reported(name: str) -> bool:
    """Return whether an objective is known of every trial without being recorded as a further metric."""
    return name in (PARAMETERS, *MINIMIZED, *MAXIMIZED) or OF_TARGETS.fullmatch(name) is not None


def recorded_for(objectives: Iterable[str], metrics: Iterable[Component]) -> tuple[Component, ...]:
    """Return the metrics that are recorded beside the first objective: those given, and other objectives.

    Raises:
        PydanticCustomError: An objective is none; the message has the nearest name.
    """
    found = list(metrics)
    given = {metric_name(metric): metric for metric in found}
    for place, name in enumerate(objectives):
        if place and name not in given and not is_reported(name):
            found.append(_further(name, place))
        elif isinstance(given.get(name), OwnFunction):
            expected = "an objective that is known to be better where it is larger, or smaller"
            raise problem(expected, found=repr(name), at=("metric", place))
    return tuple(found)


def _further(name: str, place: int) -> Component:
    kind = FURTHER_METRICS.get(name)
    if kind is None or required_fields(kind) or kind.name != name:
        options = [n for n, one in FURTHER_METRICS.items() if one.name == n and not required_fields(one)]
        raise problem(
            f"an objective: {PARAMETERS}, val_loss, val_accuracy, or the name of a metric (with arguments it "
            "stands in search.metrics, and here by the name under which it is recorded)",
            options=[PARAMETERS, *MINIMIZED, *MAXIMIZED, *options],
            word=name,
            found=repr(name),
            at=("metric", place),
        )
    return kind.model_validate({})
