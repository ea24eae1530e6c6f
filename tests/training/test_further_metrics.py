"""Metrics beside the study's own, against Keras' own objects and scikit-learn."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import TypeAdapter
from sklearn import metrics as sklearn_metrics

from hpsearch import load
from hpsearch.analysis import plain as plain_data
from hpsearch.analysis.ranking import rank_trials
from hpsearch.models.model import export_model
from hpsearch.spec import StudySpec, read_configuration
from hpsearch.spec.sections.further_metrics import METRICS, FurtherMetric
from hpsearch.spec.sections.losses import CLASSES, LABELS, REGRESSION, TWO_CLASSES
from hpsearch.store.record import StudyRecord, TrialRecord
from hpsearch.store.trials_table import trials_csv, trials_json
from hpsearch.training.evaluation import Predictions, evaluate
from hpsearch.training.further_metrics import FurtherMetrics
from support.commands import STUDY, succeed_here, write_study
from support.plain_fit import EPOCHS, TRAINERS, configuration, made_rows, trained

pytestmark = pytest.mark.slow

LABELS_OF = {REGRESSION: (), TWO_CLASSES: ("no", "yes"), CLASSES: ("a", "b", "c", "d"), LABELS: ()}
OUTPUTS = {REGRESSION: 2, TWO_CLASSES: 2, CLASSES: 4, LABELS: 3}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "r2_score": {"class_aggregation": "variance_weighted_average"},
    "binary_accuracy": {"threshold": 0.3},
    "binary_crossentropy": {"label_smoothing": 0.1},
    "categorical_crossentropy": {"label_smoothing": 0.1},
    "top_k_categorical_accuracy": {"k": 2},
    "sparse_top_k_categorical_accuracy": {"k": 2},
    "auc": {"num_thresholds": 50, "curve": "PR"},
    "precision": {"thresholds": 0.3},
    "recall": {"class_id": 0},
    "true_positives": {"thresholds": 0.4},
    "precision_at_recall": {"recall": 0.7},
    "recall_at_precision": {"precision": 0.6},
    "sensitivity_at_specificity": {"specificity": 0.5},
    "specificity_at_sensitivity": {"sensitivity": 0.5, "num_thresholds": 30},
    "f1_score": {"average": "macro"},
    "fbeta_score": {"average": "weighted", "beta": 2.0},
}
CASES = [(name, task) for name, kind in METRICS.items() for task in kind.tasks]  # type: ignore[attr-defined]
QUICK = {("auc", TWO_CLASSES), ("recall", LABELS)}
ROWS = 60


def made(*raw: Any) -> list[Any]:
    return [TypeAdapter(FurtherMetric).validate_python(one) for one in raw]


def drawn(task: str) -> tuple[Any, Any]:
    """Draw targets as data have them, and predictions as networks give them, somewhat better than chance."""
    generator, outputs = np.random.default_rng(3), OUTPUTS[task]
    if task == REGRESSION:
        y = generator.uniform(0.5, 3, (ROWS, outputs)).astype(np.float32)
        return y, (y + generator.uniform(0, 1, y.shape)).astype(np.float32)
    if task == LABELS:
        y = generator.integers(0, 2, (ROWS, outputs)).astype(np.int32)
        return y, (0.4 * y + 0.6 * generator.uniform(size=y.shape)).astype(np.float32)
    y = generator.integers(0, outputs, ROWS).astype(np.int32)
    given = 0.4 * np.eye(outputs)[y] + 0.6 * generator.dirichlet(np.ones(outputs), ROWS)
    given = given.astype(np.float32)
    return y, given[:, 1:] if outputs == 2 else given


def plain(name: str, task: str, y: Any, given: Any) -> float:
    """Measure by Keras' own object, batch by batch, on targets that are written as Keras documents them."""
    arguments = dict(ARGUMENTS.get(name, {}))
    if name == "mean_iou":
        arguments |= {"num_classes": OUTPUTS[task]}
    if name in ("f1_score", "fbeta_score") and task != CLASSES:
        arguments["threshold"] = 0.5
    classes = {one.lower(): kind for one, kind in vars(keras.metrics).items() if isinstance(kind, type)}
    metric = classes[name.replace("_", "")](**arguments)
    if name == "mean_iou":
        given = given.argmax(axis=-1) if task == CLASSES else (given > 0.5).astype(int)[:, 0]
    elif task == TWO_CLASSES:
        y = y[:, None].astype(np.float32)
    elif task == CLASSES and not name.startswith("sparse_"):
        y = keras.utils.to_categorical(y, OUTPUTS[task])
    else:
        y = y.astype(np.float32) if task != CLASSES else y
    for start in range(0, ROWS, 20):
        metric.update_state(y[start : start + 20], given[start : start + 20])
    return float(metric.result())


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")
@pytest.mark.parametrize(
    ("name", "task"),
    [pytest.param(*case, marks=[] if case in QUICK else pytest.mark.long) for case in CASES],
)
def test_metrics_are_those_of_keras(name: str, task: str) -> None:
    y, given = drawn(task)
    raw = {name: ARGUMENTS[name]} if name in ARGUMENTS else name
    found = FurtherMetrics(made(raw), OUTPUTS[task], LABELS_OF[task])
    for _ in range(2):
        (value,) = found.of(y, given).values()
        assert value == pytest.approx(plain(name, task, y, given), rel=1e-5)


def test_metrics_are_those_of_scikit_learn() -> None:
    y, given = drawn(TWO_CLASSES)
    guess = given[:, 0] > 0.5
    names = ["f1_score", "precision", "recall", "mse", "f1", "roc_auc"]
    found = list(FurtherMetrics(made(*names), 2, LABELS_OF[TWO_CLASSES]).of(y, given).values())
    f1, area = sklearn_metrics.f1_score(y, guess), sklearn_metrics.roc_auc_score(y, given[:, 0])
    expected = [
        f1,
        sklearn_metrics.precision_score(y, guess),
        sklearn_metrics.recall_score(y, guess),
        sklearn_metrics.brier_score_loss(y, given[:, 0]),
        *(f1, area),
    ]
    assert found == pytest.approx(expected, rel=1e-6)
    y, given = drawn(CLASSES)
    (found_macro,) = (
        FurtherMetrics(made({"f1_score": {"average": "macro"}}), 4, LABELS_OF[CLASSES]).of(y, given).values()
    )
    expected_macro = sklearn_metrics.f1_score(y, given.argmax(axis=-1), average="macro")
    assert found_macro == pytest.approx(expected_macro, rel=1e-6)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "compiled" else pytest.mark.long) for name in TRAINERS]
)
def test_every_trainer_records_what_the_exported_model_predicts(name: str, tmp_path: Path) -> None:
    dataset, config = made_rows(tmp_path, 3), configuration()
    trainer, split = TRAINERS[name](dataset), dataset.splits[0]
    trainer.further = FurtherMetrics(made("auc", "neg_log_loss"), 3, dataset.labels)
    reports, weights = trained(trainer, config)
    model = export_model(config, dataset.features, trainer.objective, split.scaling, weights, 0)
    given, y = model.predict(dataset.raw(0, "validation").x, verbose=0), split.validation.y
    area = keras.metrics.AUC()
    area.update_state(keras.utils.to_categorical(y, 3), given)
    assert reports[-1].metrics["auc"] == pytest.approx(float(area.result()), abs=1e-5)
    log_loss = sklearn_metrics.log_loss(y, given)
    assert reports[-1].metrics["neg_log_loss"] == pytest.approx(-log_loss, rel=1e-5)
    bare = trained(TRAINERS[name](dataset), config)[0]
    for report, other in zip(reports, bare, strict=True):
        kept = {key: report.metrics[key] for key in other.metrics}
        assert kept == pytest.approx(other.metrics, rel=1e-6)
        assert set(report.metrics) - set(other.metrics) == {"auc", "neg_log_loss"}
    assert len(reports) == EPOCHS


def test_a_function_or_a_metric_of_ones_own() -> None:
    y, given = drawn(REGRESSION)
    y, given = y[:, 0], given[:, :1]

    def worst(y_true: Any, y_pred: Any) -> Any:
        return np.abs(y_true - y_pred).max()

    def rows(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

    functions = {"worst": worst, "rows": rows, "Own": keras.metrics.MeanSquaredError}
    metrics = made(*({"python": name} for name in functions))
    found = FurtherMetrics(metrics, 1, (), functions).of(y, given)
    difference = y - given[:, 0]
    mean = float(np.square(difference).mean())
    assert found == pytest.approx({"worst": np.abs(difference).max(), "rows": mean, "Own": mean}, rel=1e-6)


def test_what_is_undefined_is_told_once() -> None:
    def failing(y_true: Any, y_pred: Any) -> Any:
        raise ValueError("no rows above 9")

    y, given = drawn(REGRESSION)
    y, given = y[:, 0], -given[:, :1]
    metrics = made("neg_mean_gamma_deviance", {"python": "failing"}, "mse")
    further = FurtherMetrics(metrics, 1, (), {"failing": failing})
    found = further.of(y, given)
    assert [math.isnan(value) for value in found.values()] == [True, True, False]
    gamma, own = further.new_notes()
    assert "neg_mean_gamma_deviance has no value in some epochs" in gamma
    assert "strictly positive" in gamma
    assert "failing failed: ValueError: no rows above 9" in own
    further.of(y, given)
    assert not further.new_notes()
    assert math.isnan(further.of(y, np.full_like(given, np.nan))["mean_squared_error"])
    assert not further.new_notes()


def test_the_test_set_is_measured_with_an_interval() -> None:
    y, given = drawn(TWO_CLASSES)
    labels = LABELS_OF[TWO_CLASSES]
    predictions = Predictions(y, given, np.zeros(ROWS), labels)
    further = FurtherMetrics(made("recall"), 2, labels)
    *_, measure = evaluate(predictions, "test", "val_loss", 0, further.by_name()).measures
    assert measure.name == "recall"
    assert measure.value == pytest.approx(sklearn_metrics.recall_score(y, given[:, 0] > 0.5), rel=1e-6)
    assert measure.low is not None
    assert measure.high is not None
    assert measure.low < measure.value < measure.high


def test_losses_below_zero_have_their_interval() -> None:
    y, given = drawn(TWO_CLASSES)
    losses = np.linspace(-2.0, -1.0, ROWS)
    loss, _ = evaluate(Predictions(y, given, losses, LABELS_OF[TWO_CLASSES]), "test", "val_loss", 0).measures
    reach = 1.96 * losses.std(ddof=1) / math.sqrt(ROWS)
    assert (loss.low, loss.high) == pytest.approx((-1.5 - reach, -1.5 + reach), rel=1e-3)


def test_tables_and_reports_show_them(tmp_path: Path) -> None:
    names = ["auc(curve=PR)", "f1_score(average=macro)"]
    search = {"trials": 1, "metrics": [{"auc": {"curve": "PR"}}, {"f1_score": {"average": "macro"}}]}
    told = succeed_here(
        "optimize", write_study(tmp_path / "a.yaml", {**STUDY, "search": search}), cwd=tmp_path
    )
    assert ", auc(curve=PR) 0." in told.stdout + told.stderr
    (row,) = json.loads(succeed_here("trials", "a", "--format", "json", cwd=tmp_path).stdout)
    text = succeed_here("trials", "a", "--format", "csv", cwd=tmp_path).stdout
    (line,) = csv.DictReader(text.splitlines())
    assert [float(line[f"metrics.{name}"]) for name in names] == [row["metrics"][name] for name in names]
    assert "auc(curve=PR)" in succeed_here("trials", "a", cwd=tmp_path).stdout
    best = json.loads(succeed_here("best", "a", "--format", "json", cwd=tmp_path).stdout)
    assert all(name in (tmp_path / "reports" / "a.html").read_text(encoding="utf-8") for name in names)
    study = load("a", out=tmp_path)
    (trial,) = study.trials
    assert trial.metrics == row["metrics"] == best["metrics"]
    assert plain_data(rank_trials(study.record)[0])["metrics"] == row["metrics"]
    assert trial.metrics[names[0]] == trial.history[names[0]][trial.best_epoch - 1]
    assert study.trials.columns()[f"metrics.{names[1]}"] == [row["metrics"][names[1]]]


def test_without_them_trials_and_reports_are_as_before() -> None:
    raw = {**STUDY, "training": {"epochs": 1}}
    spec, configuration = (
        StudySpec.model_validate(raw),
        read_configuration({k: raw[k] for k in ("model", "training")}),
    )
    trial = TrialRecord(0, "complete", 0.5, {}, configuration, 1, 1, 1.0, 0, history={"auc": (0.5,)})
    record = StudyRecord(spec, None, (trial,))
    assert "metrics" not in trials_csv(record) + trials_json(record)
    assert "metrics" not in plain_data(rank_trials(record)[0])
