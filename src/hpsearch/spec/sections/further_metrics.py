"""Metrics that are recorded beside the study's own, by Keras' names, scikit-learn's, or a function's."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from hpsearch.spec.sections.losses import CLASSES, LABELS, REGRESSION, TASKS, TWO_CLASSES
from hpsearch.spec.sections.own_function import OwnFunction
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.spec.study_file.distributions import problem
from hpsearch.spec.study_file.parts import Component, Count, OneOf, Positive, Rate, bare

BINARY = (TWO_CLASSES, LABELS)
CHOSEN = (TWO_CLASSES, CLASSES, LABELS)

Threshold = Annotated[float, Field(gt=0, lt=1)]
Level = Annotated[float, Field(ge=0, le=1)]
Thresholds = Annotated[int, Field(ge=3, le=10_000)]
ClassNumber = Annotated[int, Field(ge=0, le=10**6)]
Average = Literal["micro", "macro", "weighted"]


class KerasMetric(Component):
    """What every metric of Keras has: what it is for, and whether more of it is better."""

    tasks: ClassVar[tuple[str, ...]] = TASKS
    larger: ClassVar[bool] = True


class MeanSquaredErrorMetric(KerasMetric):
    """The mean squared difference; of classes and labels, that of their probabilities to 0 and 1."""

    name = "mean_squared_error"
    larger = False


class MeanAbsoluteErrorMetric(KerasMetric):
    name = "mean_absolute_error"
    larger = False


class RootMeanSquaredErrorMetric(KerasMetric):
    name = "root_mean_squared_error"
    larger = False


class LogCoshErrorMetric(KerasMetric):
    name = "log_cosh_error"
    larger = False


class MeanAbsolutePercentageErrorMetric(KerasMetric):
    name = "mean_absolute_percentage_error"
    larger = False
    tasks = (REGRESSION,)


class MeanSquaredLogarithmicErrorMetric(KerasMetric):
    name = "mean_squared_logarithmic_error"
    larger = False
    tasks = (REGRESSION,)


class PoissonMetric(KerasMetric):
    name = "poisson"
    larger = False
    tasks = (REGRESSION,)


class R2ScoreMetric(KerasMetric):
    name = "r2_score"
    tasks = (REGRESSION,)
    class_aggregation: Literal["uniform_average", "variance_weighted_average"] = "uniform_average"
    num_regressors: Annotated[int, Field(ge=0, le=10**6)] = 0


class BinaryAccuracyMetric(KerasMetric):
    name = "binary_accuracy"
    tasks = BINARY
    threshold: Threshold = 0.5


class BinaryCrossentropyMetric(KerasMetric):
    name = "binary_crossentropy"
    larger = False
    tasks = BINARY
    label_smoothing: Rate = 0.0


class BinaryIoUMetric(KerasMetric):
    name = "binary_iou"
    tasks = BINARY
    threshold: Threshold = 0.5


class MeanIoUMetric(KerasMetric):
    name = "mean_iou"
    tasks = (TWO_CLASSES, CLASSES)


class CategoricalAccuracyMetric(KerasMetric):
    name = "categorical_accuracy"
    tasks = (CLASSES,)


class SparseCategoricalAccuracyMetric(KerasMetric):
    name = "sparse_categorical_accuracy"
    tasks = (CLASSES,)


class TopKCategoricalAccuracyMetric(KerasMetric):
    name = "top_k_categorical_accuracy"
    tasks = (CLASSES,)
    k: Count = 5


class SparseTopKCategoricalAccuracyMetric(TopKCategoricalAccuracyMetric):
    name = "sparse_top_k_categorical_accuracy"


class CategoricalCrossentropyMetric(KerasMetric):
    name = "categorical_crossentropy"
    larger = False
    tasks = (CLASSES,)
    label_smoothing: Rate = 0.0


class SparseCategoricalCrossentropyMetric(KerasMetric):
    name = "sparse_categorical_crossentropy"
    larger = False
    tasks = (CLASSES,)


class KLDivergenceMetric(KerasMetric):
    name = "kl_divergence"
    larger = False
    tasks = (CLASSES,)


class CosineSimilarityMetric(KerasMetric):
    name = "cosine_similarity"
    tasks = (CLASSES,)


class AucMetric(KerasMetric):
    """The area under a curve by so many thresholds; of three or more classes over all of them together."""

    name = "auc"
    tasks = CHOSEN
    num_thresholds: Thresholds = 200
    curve: Literal["ROC", "PR"] = "ROC"
    summation_method: Literal["interpolation", "minoring", "majoring"] = "interpolation"
    multi_label: bool = False


class PrecisionMetric(KerasMetric):
    name = "precision"
    tasks = CHOSEN
    thresholds: Threshold | None = None
    top_k: Count | None = None
    class_id: ClassNumber | None = None


class RecallMetric(PrecisionMetric):
    name = "recall"


class TruePositivesMetric(KerasMetric):
    name = "true_positives"
    tasks = CHOSEN
    thresholds: Threshold | None = None


class TrueNegativesMetric(TruePositivesMetric):
    name = "true_negatives"


class FalsePositivesMetric(TruePositivesMetric):
    name = "false_positives"
    larger = False


class FalseNegativesMetric(TruePositivesMetric):
    name = "false_negatives"
    larger = False


class _AtLevel(KerasMetric):
    tasks = CHOSEN
    num_thresholds: Thresholds = 200
    class_id: ClassNumber | None = None


class PrecisionAtRecallMetric(_AtLevel):
    name = "precision_at_recall"
    recall: Level


class RecallAtPrecisionMetric(_AtLevel):
    name = "recall_at_precision"
    precision: Level


class SensitivityAtSpecificityMetric(_AtLevel):
    name = "sensitivity_at_specificity"
    specificity: Level


class SpecificityAtSensitivityMetric(_AtLevel):
    name = "specificity_at_sensitivity"
    sensitivity: Level


class F1ScoreMetric(KerasMetric):
    """Of two classes that of the second; of more classes and of labels an `average` makes it one number."""

    name = "f1_score"
    tasks = CHOSEN
    average: Average | None = None
    threshold: Threshold | None = None


class FBetaScoreMetric(F1ScoreMetric):
    name = "fbeta_score"
    beta: Positive = 1.0


METRICS: dict[str, type[Component]] = {
    kind.name: kind
    for kind in (
        *(MeanSquaredErrorMetric, MeanAbsoluteErrorMetric, RootMeanSquaredErrorMetric, LogCoshErrorMetric),
        *(MeanAbsolutePercentageErrorMetric, MeanSquaredLogarithmicErrorMetric, PoissonMetric),
        *(R2ScoreMetric, BinaryAccuracyMetric, BinaryCrossentropyMetric, BinaryIoUMetric, MeanIoUMetric),
        *(CategoricalAccuracyMetric, SparseCategoricalAccuracyMetric, TopKCategoricalAccuracyMetric),
        *(SparseTopKCategoricalAccuracyMetric, CategoricalCrossentropyMetric),
        *(SparseCategoricalCrossentropyMetric, KLDivergenceMetric, CosineSimilarityMetric, AucMetric),
        *(PrecisionMetric, RecallMetric, TruePositivesMetric, TrueNegativesMetric, FalsePositivesMetric),
        *(FalseNegativesMetric, PrecisionAtRecallMetric, RecallAtPrecisionMetric),
        *(SensitivityAtSpecificityMetric, SpecificityAtSensitivityMetric, F1ScoreMetric, FBetaScoreMetric),
    )
}
"""Keras' metrics by their names in snake case, with Keras' arguments and defaults."""

UNAVAILABLE_METRICS = {
    "accuracy": "is recorded anyway, as val_accuracy",
    "hinge": "takes outputs before their activation; as training.loss it is val_loss",
    "squared_hinge": "takes outputs before their activation; as training.loss it is val_loss",
    "categorical_hinge": "takes outputs before their activation; as training.loss it is val_loss",
    "pearson_correlation": "correlates the numbers within a row, and not the rows",
    "concordance_correlation": "correlates the numbers within a row, and not the rows",
    "iou": "is mean_iou of chosen classes; recall and precision take a class_id",
    "one_hot_iou": "is mean_iou of chosen classes; recall and precision take a class_id",
    "one_hot_mean_iou": "is mean_iou, which knows the form of the classes",
    "mean": "is of numbers, and not of targets and predictions",
    "sum": "is of numbers, and not of targets and predictions",
    "mean_metric_wrapper": "wraps a function: write {python: FUNCTION}",
}
"""Keras' metrics that have no place here, and why."""

SCORER_METRICS: dict[str, type[Component]] = {
    name: bare(name)
    for names in SCORERS.values()
    for name in names
    if name not in METRICS and name != "accuracy"
}

ALIASES = {
    "mse": MeanSquaredErrorMetric,
    "mae": MeanAbsoluteErrorMetric,
    "mape": MeanAbsolutePercentageErrorMetric,
    "msle": MeanSquaredLogarithmicErrorMetric,
    "rmse": RootMeanSquaredErrorMetric,
}

FURTHER_METRICS: dict[str, type[Component]] = {**METRICS, **ALIASES, **SCORER_METRICS}

FurtherMetric = Annotated[
    Component,
    OneOf("a metric", {**FURTHER_METRICS, OwnFunction.name: OwnFunction}, UNAVAILABLE_METRICS),
]

TAKEN = (
    *("loss", "loss_with_penalties", "val_loss", "val_loss_with_penalties", "learning_rate", "seconds"),
    *("accuracy", "val_accuracy", "mae", "val_mae", "parameters"),
)
"""Names that the history of a trial has anyway."""


def metric_name(metric: Component) -> str:
    """Return the name under which a metric is recorded: with the arguments that are not their defaults."""
    return metric.function if isinstance(metric, OwnFunction) else metric.label


def is_larger_better(name: str) -> bool | None:
    """Return whether more is better of what is recorded under a name; None of what is no metric of Keras."""
    kind = METRICS.get(name.partition("(")[0])
    return kind.larger if kind is not None and issubclass(kind, KerasMetric) else None


def one_as_list(raw: Any) -> Any:
    """Take a single metric for a list of one."""
    return [raw] if isinstance(raw, str | dict) else raw


def names_differ(metrics: tuple[Component, ...], own: str) -> None:
    """Check that each metric is recorded under a name of its own.

    Raises:
        PydanticCustomError: Two have the same, or one has that of the study's metric.
    """
    names = [metric_name(metric) for metric in metrics]
    for place, name in enumerate(names):
        if name == own:
            raise problem("metrics beside that of the study", found=repr(name), at=("metrics", place))
        if name in names[:place] or name in TAKEN:
            raise problem(
                "metrics with names of their own, each once", found=repr(name), at=("metrics", place)
            )
