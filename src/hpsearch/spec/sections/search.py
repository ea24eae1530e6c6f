"""The search section: what is optimized, by which sampler and pruner, and for how long."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from hpsearch.spec.sections.constraints import (
    PARAMETERS,
    Constraint,
    ConstraintText,
    check_names,
    read_constraint,
)
from hpsearch.spec.sections.further_metrics import FurtherMetric, metric_name, names_differ, one_as_list
from hpsearch.spec.sections.objectives import METRICS, Direction, Metric, direction_of, recorded_for
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

ThresholdScorer = Literal[
    "accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_weighted", "jaccard", "matthews_corrcoef"
]
"""scikit-learn's scorers of guesses that are not best where one class is always guessed."""


class Tpe(Component):
    """Tree-structured Parzen estimator, multivariate and grouped by condition."""

    name = "tpe"
    startup_trials: Startup = 10


class HierarchicalTpe(Component):
    """Tree-structured Parzen estimator to which the conditions of the space are known."""

    name = "hierarchical_tpe"
    startup_trials: Startup = 10


class Cmaes(Component):
    name = "cmaes"
    startup_trials: Count = 1


class Gp(Component):
    """A Gaussian process."""

    name = "gp"
    startup_trials: Count = 10


SAMPLERS: dict[str, type[Component]] = {
    "auto": bare("auto"),
    "tpe": Tpe,
    "hierarchical_tpe": HierarchicalTpe,
    "random": bare("random"),
    "grid": bare("grid"),
    "qmc": bare("qmc"),
    "cmaes": Cmaes,
    "gp": Gp,
}
Sampler = Annotated[Component, OneOf("a sampler", SAMPLERS)]

OF_SEVERAL_OBJECTIVES = ("auto", "tpe", "random", "grid", "qmc")
"""Samplers of searches with several objectives: those that learn from them, or from none."""


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


class Rungs(Component):
    """Compare generations of trials at rungs: the best go on from where they stand, the others pause."""

    name = "rungs"
    min_epochs: Count = 1
    reduction_factor: Annotated[int, Field(ge=2, le=100)] = 3
    generation: Annotated[int, Field(ge=2, le=10_000)] = 27

    @model_validator(mode="after")
    def _some_go_on(self) -> Self:
        if self.generation < self.reduction_factor:
            expected = f"at least the reduction_factor, {self.reduction_factor}, so that one of them goes on"
            raise problem(expected, found=str(self.generation), at=("generation",))
        return self


SCHEDULES: dict[str, type[Component]] = {"full": bare("full"), "rungs": Rungs}
Schedule = Annotated[Component, OneOf("a schedule of trials", SCHEDULES)]


PORTFOLIO_WORDS = ("auto", "on", "off")


def _words_or_list(raw: Any) -> Any:
    if isinstance(raw, str) and raw not in PORTFOLIO_WORDS:
        raise problem(f"{', '.join(PORTFOLIO_WORDS)}, or a list of values", found=repr(raw))
    return tuple(raw) if isinstance(raw, list) else raw


Portfolio = Annotated[
    Literal["auto", "on", "off"] | tuple[dict[str, Any], ...], BeforeValidator(_words_or_list)
]


class EarlierStudy(Part):
    """What a study keeps of another one: the values of its trials, the best ones first."""

    study: str
    trials: Annotated[tuple[dict[str, Any], ...], BeforeValidator(as_tuple)]


def _named_or_kept(raw: Any) -> Any:
    if isinstance(raw, str) and raw:
        return raw
    if isinstance(raw, dict):
        return EarlierStudy.model_validate(raw)
    expected = (
        "the name of a study, the path of its study file or of its directory, or the URL of an Optuna storage"
    )
    raise problem(expected, found=repr(raw))


Earlier = Annotated[str | EarlierStudy, BeforeValidator(_named_or_kept)]


class Search(Part):
    """What is optimized, and the budget: the search ends at the first limit that it meets.

    With several objectives as `metric` the search looks for trials that no other one beats in all of them;
    the first is what epochs are chosen by. `metrics` are recorded beside the metric, which alone judges.
    Trials that violate `constraints` are not ranked. By `threshold` the threshold of two classes is chosen.
    `trial_timeout` is the number of seconds after which a single trial counts as failed. `keep` is the number
    of best models that are kept. `width` is the number of trials that train side by side; by default a rule
    on the study chooses it. With `probes` a few epochs of each trial are looked into; by default where that
    costs next to nothing. The `schedule` says how long trials train before they are compared. The values of
    `prior` are preferred as long as trials do not speak against them. The first trials have the values of a
    `portfolio`: those of textbooks, by default where no sampler, no prior and no other study is named, or
    the ones of a list. The sampler learns from the trials of other studies, those of `warm_start`, until
    there are as many of its own. `until` no_gain the search ends by itself where more trials would hardly
    pay.
    """

    metric: Metric = "val_loss"
    metrics: Annotated[Listed[FurtherMetric] | None, BeforeValidator(one_as_list)] = None
    constraints: Annotated[Listed[ConstraintText] | None, BeforeValidator(one_as_list)] = None
    threshold: ThresholdScorer | None = None
    trials: Annotated[int, Field(ge=1, le=10**6)] = 100
    timeout: Positive | None = None
    until: Literal["budget", "no_gain"] = "budget"
    trial_timeout: Positive | None = None
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    sampler: Sampler = SAMPLERS["auto"]()
    pruner: Pruner = PRUNERS["none"]()
    schedule: Schedule = SCHEDULES["full"]()
    width: Annotated[int, Field(ge=1, le=1_024)] | None = None
    keep: Annotated[int, Field(ge=1, le=1_000)] = 1
    probes: Literal["auto", "off", "on"] = "auto"
    enqueue: Annotated[tuple[dict[str, Any], ...], BeforeValidator(as_tuple)] = ()
    prior: dict[str, Any] | None = None
    portfolio: Portfolio = "auto"
    warm_start: Annotated[Listed[Earlier] | None, BeforeValidator(one_as_list)] = None

    @model_validator(mode="after")
    def _metrics_have_names_of_their_own(self) -> Self:
        names_differ(self.metrics or (), self.first_metric)
        recorded_for(self.objectives, self.metrics or ())
        return self

    @model_validator(mode="after")
    def _several_objectives_are_compared_by_all(self) -> Self:
        if len(self.objectives) == 1:
            return self
        compares = "compares trials by one metric, and there are several objectives"
        refused: dict[str, tuple[bool, str]] = {
            "sampler": (
                self.sampler.name not in OF_SEVERAL_OBJECTIVES,
                f"one of {', '.join(OF_SEVERAL_OBJECTIVES)}: no other sampler takes several objectives",
            ),
            "pruner": (self.pruner.name != "none", f"none: a pruner {compares}"),
            "schedule": (self.schedule.name != "full", f"full: a schedule {compares}"),
            "until": (self.until != "budget", f"budget: {self.until} {compares}"),
            "prior": (bool(self.prior), f"no prior: it {compares}"),
            "warm_start": (bool(self.warm_start), f"no other studies: what is learned from them {compares}"),
        }
        for name, (found, expected) in refused.items():
            if found:
                value = getattr(self, name)
                raise problem(expected, found=getattr(value, "name", repr(value)), at=(name,))
        return self

    @model_validator(mode="after")
    def _constraints_are_on_what_is_known(self) -> Self:
        recorded = dict.fromkeys((PARAMETERS, self.first_metric, *METRICS[:2], *self.further))
        check_names(self.limits, tuple(recorded))
        return self

    @model_validator(mode="after")
    def _rungs_prune_alone(self) -> Self:
        if self.schedule.name == "rungs" and self.pruner.name != "none":
            expected = "none: a schedule of rungs compares trials itself"
            raise problem(expected, found=self.pruner.name, at=("pruner",))
        return self

    @model_validator(mode="after")
    def _rungs_use_their_budget(self) -> Self:
        if self.schedule.name == "rungs" and self.until == "no_gain":
            expected = "budget: scores of trials that wait at rungs do not tell what more of them gain"
            raise problem(expected, found=self.until, at=("until",))
        return self

    @model_validator(mode="after")
    def _grids_prefer_nothing(self) -> Self:
        if self.prior and self.sampler.name == "grid":
            expected = "a sampler other than grid, which trains every combination, beside a prior"
            raise problem(expected, found=self.sampler.name, at=("sampler",))
        return self

    @model_validator(mode="after")
    def _one_sampler_learns_from_others(self) -> Self:
        if self.warm_start and self.sampler.name not in ("auto", HierarchicalTpe.name):
            expected = "hierarchical_tpe or auto beside warm_start: no other learns from other studies"
            raise problem(expected, found=self.sampler.name, at=("sampler",))
        return self

    def as_begun(self, begun: Search) -> Self:
        """Put what was decided when a study began where its file leaves that open.

        Args:
            begun: The search section that the study keeps.
        """
        update: dict[str, Any] = {}
        if self.sampler.name == "auto":
            update["sampler"] = begun.sampler
        if self.portfolio == "auto" or (self.portfolio == "on" and begun.portfolio != "off"):
            update["portfolio"] = begun.portfolio
        if self.warm_start and self.earlier == begun.earlier:
            update["warm_start"] = begun.warm_start
        return self.model_copy(update=update)

    def without_beginning(self) -> Self:
        """Drop what is tried or preferred first and learned from: it suits the space of one study alone."""
        return self.model_copy(update={"enqueue": (), "prior": None, "portfolio": "off", "warm_start": None})

    @property
    def earlier(self) -> tuple[str, ...]:
        """Return the other studies that the sampler learns from, as the study file calls them."""
        return tuple(one if isinstance(one, str) else one.study for one in self.warm_start or ())

    @property
    def objectives(self) -> tuple[str, ...]:
        """Return what is optimized: the metric alone, or all of several objectives."""
        return (self.metric,) if isinstance(self.metric, str) else self.metric

    @property
    def first_metric(self) -> str:
        """Return the metric, or the first of several objectives, by which epochs are chosen."""
        return self.objectives[0]

    @property
    def recorded(self) -> tuple[Component, ...]:
        """Return the metrics that are recorded beside the first one: `metrics`, and some objectives."""
        return recorded_for(self.objectives, self.metrics or ())

    @property
    def further(self) -> tuple[str, ...]:
        """Return the names of what is shown beside the first metric: other objectives, and `metrics`."""
        return tuple(dict.fromkeys((*self.objectives[1:], *map(metric_name, self.metrics or ()))))

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """Return the constraints."""
        return tuple(map(read_constraint, self.constraints or ()))

    @property
    def direction(self) -> Direction:
        """Return whether the first metric is minimized or maximized."""
        return direction_of(self.first_metric)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Return for each objective whether it is minimized or maximized."""
        return tuple(map(direction_of, self.objectives))
