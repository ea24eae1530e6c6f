"""The search section: what is optimized, by which sampler and pruner, and for how long."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from hpsearch.spec.sections.further_metrics import FurtherMetric, metric_name, names_differ, one_as_list
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.parts import (
    Component,
    Count,
    Listed,
    OneOf,
    Part,
    Positive,
    as_tuple,
    bare,
)

Startup = Annotated[int, Field(ge=0, le=10**6)]

MINIMIZED = ("val_loss",)
MAXIMIZED = ("val_accuracy",)
OF_TARGETS = re.compile(r"val_\w+_(loss|accuracy|mae)")
"""The loss, and the accuracy or the mean absolute error, of one of several named targets."""

METRICS = (*MINIMIZED, *MAXIMIZED, *SCORERS["classification"], *SCORERS["regression"])


def _known_metric(name: str) -> str:
    if name not in METRICS and not OF_TARGETS.fullmatch(name):
        raise problem(
            "a metric: val_loss, val_accuracy or the name of a scikit-learn scorer",
            options=list(METRICS),
            found=repr(name),
        )
    # scikit-learn's accuracy on the validation part is what Keras calls val_accuracy.
    return "val_accuracy" if name == "accuracy" else name


_METRIC = {"anyOf": [{"enum": list(METRICS)}, {"type": "string", "pattern": f"^{OF_TARGETS.pattern}$"}]}
Metric = Annotated[str, AfterValidator(_known_metric), WithJsonSchema(_METRIC)]


Direction = Literal["minimize", "maximize"]

ThresholdScorer = Literal[
    "accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", "jaccard", "matthews_corrcoef"
]
"""scikit-learn's scorers of guesses that are not best where one class is always guessed."""


def direction_of(metric: str) -> Direction:
    """Return whether a metric is minimized or maximized; scikit-learn's scorers are all to be maximized."""
    of_target = OF_TARGETS.fullmatch(metric)
    return "minimize" if metric in MINIMIZED or (of_target and of_target[1] != "accuracy") else "maximize"


class Tpe(Component):
    """Tree-structured Parzen estimator, multivariate and grouped by condition."""

    name = "tpe"
    startup_trials: Startup = 10


class Cmaes(Component):
    name = "cmaes"
    startup_trials: Count = 1


class Gp(Component):
    """A Gaussian process."""

    name = "gp"
    startup_trials: Count = 10


SAMPLERS: dict[str, type[Component]] = {
    "tpe": Tpe,
    "random": bare("random"),
    "grid": bare("grid"),
    "qmc": bare("qmc"),
    "cmaes": Cmaes,
    "gp": Gp,
}
Sampler = Annotated[Component, OneOf("a sampler", SAMPLERS)]


class Hyperband(Component):
    name = "hyperband"
    min_epochs: Count = 1
    reduction_factor: Annotated[int, Field(ge=2, le=100)] = 3


class SuccessiveHalving(Component):
    name = "successive_halving"
    min_epochs: Count = 1
    reduction_factor: Annotated[int, Field(ge=2, le=100)] = 4


class Median(Component):
    """Prune what is worse than the median of earlier trials at the same epoch."""

    name = "median"
    startup_trials: Startup = 5
    warmup_epochs: Startup = 0


PRUNERS: dict[str, type[Component]] = {
    "none": bare("none"),
    "median": Median,
    "successive_halving": SuccessiveHalving,
    "hyperband": Hyperband,
}
Pruner = Annotated[Component, OneOf("a pruner", PRUNERS)]


class Search(Part):
    """What is optimized, and the budget: the search ends at the first limit that it meets.

    `metrics` are recorded beside the metric, which alone judges. By `threshold` the threshold of two
    classes is chosen. `trial_timeout` is the number of seconds after which a single trial counts as failed.
    `keep` is the number of best models that are kept. `width` is the number of trials that train side by
    side; by default a rule on the study chooses it. With `probes` a few epochs of each trial are looked into;
    by default where that costs next to nothing.
    """

    metric: Metric = "val_loss"
    metrics: Annotated[Listed[FurtherMetric] | None, BeforeValidator(one_as_list)] = None
    threshold: ThresholdScorer | None = None
    trials: Annotated[int, Field(ge=1, le=10**6)] = 100
    timeout: Positive | None = None
    trial_timeout: Positive | None = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    sampler: Sampler = Tpe()
    pruner: Pruner = PRUNERS["none"]()
    width: Annotated[int, Field(ge=1, le=1_024)] | None = None
    keep: Annotated[int, Field(ge=1, le=1_000)] = 1
    probes: Literal["auto", "off", "on"] = "auto"
    enqueue: Annotated[tuple[dict[str, Any], ...], BeforeValidator(as_tuple)] = ()

    @model_validator(mode="after")
    def _metrics_have_names_of_their_own(self) -> Self:
        names_differ(self.metrics or (), self.metric)
        return self

    @property
    def further(self) -> tuple[str, ...]:
        """Return the names under which the other metrics are recorded."""
        return tuple(map(metric_name, self.metrics or ()))

    @property
    def direction(self) -> Direction:
        """Return whether the metric is minimized or maximized."""
        return direction_of(self.metric)
