"""Learning-rate schedules: how the learning rate moves during a run, warm-up included."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from hpsearch.spec.sections.monitor import Monitoring
from hpsearch.spec.study_file.distributions import Searchable, problem
from hpsearch.spec.study_file.parts import (
    Component,
    Count,
    Listed,
    Number,
    OneOf,
    Positive,
    Share,
    bare,
    holds_distribution,
    written_once,
)

PositiveShare = Annotated[float, Field(gt=0, le=1)]


class ShareOfRun(Component):
    """A length of time as a share of the run; a bare number means the same."""

    name = "share"
    scalar = "share"
    share: Searchable[Share]

    def dump(self) -> Any:
        return super().dump() if holds_distribution(self.share) else self.share


class PartOfRun(ShareOfRun):
    """A period as a share of the run, which cannot be nothing of it."""

    share: Searchable[PositiveShare]


class Steps(Component):
    name = "steps"
    scalar = "steps"
    steps: Searchable[Count]


class Epochs(Component):
    name = "epochs"
    scalar = "epochs"
    epochs: Searchable[Positive]


SPANS: dict[str, type[Component]] = {kind.name: kind for kind in (ShareOfRun, Steps, Epochs)}
PERIODS: dict[str, type[Component]] = {kind.name: kind for kind in (PartOfRun, Steps, Epochs)}


class _SpanOf(OneOf):
    """Accept a number as a share of the run, and `{steps: n}` or `{epochs: n}`."""

    def validate(self, raw: Any) -> Component:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            return self.from_number(self.table["share"], raw)
        return super().validate(raw)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        table = super().__get_pydantic_json_schema__(schema, handler)
        least = "exclusiveMinimum" if self.table is PERIODS else "minimum"
        return {**table, "anyOf": [{"type": "number", least: 0, "maximum": 1}, *table["anyOf"]]}


Span = Annotated[
    Component, _SpanOf("a length of time: a share of the run (0 to 1), {steps: n} or {epochs: n}", SPANS)
]
Period = Annotated[
    Component,
    _SpanOf("a period: a share of the run above 0, up to 1, {steps: n} or {epochs: n}", PERIODS),
]


class Schedule(Component):
    """What every schedule has: the learning rate rises linearly to its height during `warmup`.

    It rises from the share `warmup_from` of its height; without it from one step's part of the rise.
    """

    warmup: Annotated[Searchable[Span], written_once("schedules.warmup")] = ShareOfRun(share=0.0)
    warmup_from: Annotated[Searchable[Share] | None, written_once("schedules.warmup_from")] = None


class Constant(Schedule):
    name = "constant"


class Exponential(Schedule):
    """Multiply by `rate` once every `every`; in steps if `staircase`, else continuously."""

    name = "exponential"
    rate: Searchable[PositiveShare] = 0.96
    every: Searchable[Period] = Epochs(epochs=1)
    staircase: Searchable[bool] = False


class InverseTime(Schedule):
    """Divide by 1 + rate * t, t counted in `every`."""

    name = "inverse_time"
    rate: Searchable[Positive] = 0.5
    every: Searchable[Period] = Epochs(epochs=1)
    staircase: Searchable[bool] = False


class Step(Schedule):
    """Multiply by `factor` after each `every`."""

    name = "step"
    factor: Searchable[PositiveShare] = 0.1
    every: Searchable[Period] = PartOfRun(share=1 / 3)


class PiecewiseConstant(Schedule):
    """Multiply by one of the `values` between each two of the `boundaries`, counted from the first step."""

    name = "piecewise_constant"
    boundaries: Listed[Searchable[Span]]
    values: Listed[Searchable[Positive]]

    @model_validator(mode="after")
    def _a_value_more(self) -> Self:
        if len(self.values) != len(self.boundaries) + 1:
            found = f"{len(self.values)} values and {len(self.boundaries)} boundaries"
            raise problem("one more of 'values' than of 'boundaries'", found=found)
        return self


class Polynomial(Schedule):
    """Fall to the share `end` of the learning rate over `decay`, as a power of the time left.

    With `cycle` it rises again after that, and falls over as long a time once more.
    """

    name = "polynomial"
    unwritten: ClassVar = frozenset({"cycle"})
    end: Searchable[Share] = 0.0
    power: Searchable[Positive] = 1.0
    decay: Searchable[Period] | None = None
    cycle: Searchable[bool] = False


class Cosine(Schedule):
    """Fall to the share `alpha` of the learning rate over `decay`, along half a cosine."""

    name = "cosine"
    alpha: Searchable[Share] = 0.0
    decay: Searchable[Period] | None = None


class CosineRestarts(Schedule):
    """Fall along half a cosine and start again: `t_mul` times longer, `m_mul` times as high."""

    name = "cosine_restarts"
    first_decay: Searchable[Period] = PartOfRun(share=0.1)
    t_mul: Searchable[Annotated[float, Field(ge=1)]] = 2.0
    m_mul: Searchable[Positive] = 1.0
    alpha: Searchable[Share] = 0.0


class OneCycle(Schedule):
    """Rise along half a cosine from 1/div of the rate until `peak`, fall to 1/final_div of the start."""

    name = "one_cycle"
    peak: Searchable[Annotated[float, Field(gt=0, lt=1)]] = 0.3
    div: Searchable[Annotated[float, Field(ge=1)]] = 25.0
    final_div: Searchable[Annotated[float, Field(ge=1)]] = 1e4


class Coslog(Schedule):
    """Waves from 0 to the learning rate, each twice as long as the one before (arXiv 2407.04491)."""

    name = "coslog"
    cycles: Searchable[Annotated[int, Field(ge=1, le=30)]] = 4


class ReduceOnPlateau(Schedule, Monitoring):
    """Multiply by `factor` when the metric has not improved by `min_delta` for `patience` epochs."""

    name = "reduce_on_plateau"
    factor: Searchable[Annotated[float, Field(gt=0, lt=1)]] = 0.1
    patience: Searchable[Count] = 10
    min_delta: Searchable[Annotated[float, Field(ge=0)]] = 1e-4
    cooldown: Searchable[Annotated[int, Field(ge=0)]] = 0
    min_learning_rate: Searchable[Number] = 0.0


SCHEDULES: dict[str, type[Component]] = {
    kind.name: kind
    for kind in (
        Constant,
        Exponential,
        InverseTime,
        Step,
        PiecewiseConstant,
        Polynomial,
        Cosine,
        CosineRestarts,
        OneCycle,
        Coslog,
        ReduceOnPlateau,
    )
}
LearningRateSchedule = Annotated[Component, OneOf("a learning-rate schedule", SCHEDULES)]


class FlatCosine(Component):
    """The whole of it for the share `flat` of the run, then half a cosine to 0 (arXiv 2407.04491)."""

    name = "flat_cosine"
    flat: Searchable[Annotated[float, Field(ge=0, lt=1)]] = 0.5


SHARE_SCHEDULES: dict[str, type[Component]] = {"none": bare("none"), FlatCosine.name: FlatCosine}
ShareSchedule = Annotated[Component, OneOf("a schedule of a share", SHARE_SCHEDULES)]
"""How what is scheduled beside the learning rate moves from epoch to epoch."""
