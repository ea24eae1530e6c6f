"""A scorer judges the data of a study or is refused before anything trains; never a NaN of its own making."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hpsearch.data import Dataset, load_dataset
from hpsearch.engines.policy.metric import check_metric
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Data, StudySpec
from hpsearch.spec.sections.scorer_names import SCORERS
from hpsearch.training.scorers import score
from support.commands import ended, events, here, write_study

OF_TWO = {"roc_auc", "f1", "precision", "recall", "jaccard", "average_precision"}
"""scikit-learn defines these for two classes, average precision for each class against the rest, too."""

RATIOS = {"positive_likelihood_ratio", "neg_negative_likelihood_ratio"}
RANKED = {"roc_auc_ovo", "roc_auc_ovo_weighted", "roc_auc_ovr", "roc_auc_ovr_weighted"}
LOSSES = {"neg_log_loss", "d2_log_loss_score", "neg_brier_score", "d2_brier_score"}
LOGS = {"neg_mean_squared_log_error", "neg_root_mean_squared_log_error"}
DEVIANCES = {"neg_mean_poisson_deviance", "neg_mean_gamma_deviance"}
VARIANCES = {"r2", "explained_variance", "d2_absolute_error_score"}
SHARE = "neg_mean_absolute_percentage_error"


def dataset(directory: Path, y: Any, validation: Any, task: str) -> Dataset:
    """Load rows whose validation set has the targets that are given."""
    rows = np.zeros((len(y) + len(validation), 2), np.float32)
    rows[:, 0] = np.arange(len(rows))
    np.savez(directory / "rows.npz", x=rows, y=np.concatenate([y, validation]))
    data = {"npz": "rows.npz", "validation": {"last": len(validation)}, "task": task}
    return load_dataset(Data.model_validate(data), directory)


def spec(metric: str, **training: Any) -> StudySpec:
    return StudySpec.model_validate(
        {
            "name": "a",
            "data": {"npz": "rows.npz"},
            "model": {"mlp": {"hidden": [2]}},
            "training": {"epochs": 1, **training},
            "search": {"metric": metric},
        }
    )


def refused(found: Dataset) -> set[str]:
    """List the scorers of a task that are refused, and check that what is said names only those that are not."""
    names: set[str] = set()
    for metric in SCORERS[found.task]:
        try:
            check_metric(spec(metric), found)
        except UnsupportedError as failure:
            names.add(metric)
            offered = str(failure).rpartition("choose one of ")[2].split(", ")
            assert metric not in offered
            assert "val_loss" in offered
    return names


def predictions(found: Dataset, seed: int) -> NDArray[np.float64]:
    generator, y = np.random.default_rng(seed), found.splits[0].validation.y
    if not found.labels:
        return np.abs(y[:, None] + generator.normal(0, 1, (len(y), 1))) + 0.01
    given = generator.dirichlet(np.ones(len(found.labels)), len(y))
    return given[:, 1:] if len(found.labels) == 2 else given


CLASSES: list[tuple[str, list[int], list[int], set[str]]] = [
    ("binary", [0, 1], [0, 1, 1, 0, 1, 0], {"top_k_accuracy"}),
    ("three classes", [0, 1, 2], [0, 1, 2, 2, 1, 0], (OF_TWO - {"average_precision"}) | RATIOS),
    ("two of three classes", [0, 1, 2], [0, 1, 1, 0], OF_TWO | RATIOS | LOSSES | RANKED | {"top_k_accuracy"}),
    ("one class of three", [0, 1, 2], [1, 1], OF_TWO | RATIOS | LOSSES | RANKED | {"matthews_corrcoef"}),
    (
        "positive rows alone",
        [0, 1],
        [1, 1, 1],
        {"roc_auc", "average_precision", "neg_log_loss", *RATIOS, *RANKED, "matthews_corrcoef"},
    ),
    ("negative rows alone", [0, 1], [0, 0, 0], OF_TWO | RATIOS | RANKED | {"matthews_corrcoef"}),
    ("one row", [0, 1], [1], {"roc_auc", "average_precision", "neg_log_loss", "matthews_corrcoef"}),
]

NUMBERS: list[tuple[str, list[float], set[str]]] = [
    ("positive", [1.0, 2.5, 3.5, 4.5], set()),
    ("zeros", [0.0, 2.5, 3.5, 4.5], {"neg_mean_gamma_deviance", SHARE}),
    ("negative", [-5.0, 2.5, 3.5, 4.5], LOGS | DEVIANCES),
    ("constant", [2.5, 2.5, 2.5], VARIANCES),
    ("one row", [2.5], VARIANCES),
]


@pytest.mark.long
class TestEveryScorer:
    @pytest.mark.parametrize(("case", "y", "validation", "known"), CLASSES, ids=[c[0] for c in CLASSES])
    def test_of_classes_works_or_is_refused(
        self, case: str, y: list[int], validation: list[int], known: set[str], tmp_path: Path
    ) -> None:
        found = dataset(tmp_path, y * 6, validation, "classification")
        names = refused(found)
        assert names == known if case in ("binary", "three classes") else names >= known
        self.check(found, names)

    @pytest.mark.parametrize(
        ("validation", "known"), [case[1:] for case in NUMBERS], ids=[case[0] for case in NUMBERS]
    )
    def test_of_numbers_works_or_is_refused(
        self, validation: list[float], known: set[str], tmp_path: Path
    ) -> None:
        found = dataset(tmp_path, [1.0, 2.5, 3.5, 7.25], validation, "regression")
        names = refused(found)
        assert names == known
        self.check(found, names)

    def check(self, found: Dataset, names: set[str]) -> None:
        """Check that what is not refused tells predictions apart, and gives a number for them."""
        y = found.splits[0].validation.y
        for metric in set(SCORERS[found.task]) - names:
            scores = [score(metric, y, predictions(found, seed), found.labels) for seed in range(20)]
            finite = np.array(scores)[np.isfinite(scores)]
            # A ratio of likelihoods is infinite where no row is taken for a class wrongly.
            assert finite.size == len(scores) or (metric in RATIOS and finite.size), metric
            assert np.ptp(finite) > 0, metric


class TestStudies:
    """Regressions on targets around 0, whose networks give numbers below 0 at first."""

    def study(self, metric: str, **changes: Any) -> dict[str, Any]:
        return {
            "name": "a",
            "data": {
                "npz": "rows.npz",
                "task": "regression",
                "validation": {"last": 8},
                "target_transform": "none",
            },
            "model": {"mlp": {"hidden": [4]}},
            "training": {"epochs": 1, "learning_rate": {"log_uniform": [1e-4, 1e-3]}},
            "search": {"metric": metric, "trials": 2},
            "confirm": "none",
            **changes,
        }

    def test_a_metric_that_does_not_fit_is_refused_before_anything_trains(self, tmp_path: Path) -> None:
        data = {"sklearn": "iris"}
        write_study(tmp_path / "a.yaml", self.study("roc_auc", data=data))
        result = here("optimize", "a.yaml", cwd=tmp_path)
        assert result.returncode == 2
        assert result.stderr.startswith(
            "hpsearch: search.metric: roc_auc cannot be computed on the validation set: it is defined for two "
            "classes, and the data have 3; choose one of val_loss, val_accuracy, average_precision, "
        )
        assert not events(tmp_path / "runs" / "a")

    def test_a_metric_of_another_task_is_not_defined_for_it(self, tmp_path: Path) -> None:
        found = dataset(tmp_path, [1.0, 2.0], [1.0, 2.0], "regression")
        with pytest.raises(
            UnsupportedError, match=r"search\.metric: f1 is not defined for regression; choose"
        ):
            check_metric(spec("f1"), found)

    @pytest.mark.parametrize(
        ("task", "y", "known"),
        [
            ("classification", [0, 1], ("loss", "accuracy", "val_accuracy")),
            ("regression", [1.0, 2.0], ("mae", "val_loss_with_penalties", "val_mae")),
            ("multilabel", [[0, 1], [1, 0]], ("accuracy", "val_accuracy")),
        ],
    )
    def test_a_monitored_metric_is_one_that_an_epoch_reports(
        self, tmp_path: Path, task: str, y: Any, known: tuple[str, ...]
    ) -> None:
        found = dataset(tmp_path, y, y, task)
        for part in ("early_stopping", "schedule.reduce_on_plateau"):
            for name in {*known, "mae", "accuracy", "f1", "val_loss"}:
                section: Any = {"monitor": name, "patience": 2}
                for word in part.split(".")[::-1]:
                    section = {word: section}
                if name in (*known, "val_loss"):
                    check_metric(spec("val_loss", **section), found)
                    continue
                told = (
                    rf"training\.{part}\.monitor: no epoch of this study reports {name}; choose one of loss, "
                )
                with pytest.raises(UnsupportedError, match=told):
                    check_metric(spec("val_loss", **section), found)

    def test_a_metric_beside_that_of_the_study_can_be_monitored(self, tmp_path: Path) -> None:
        found = dataset(tmp_path, [0, 1], [0, 1], "classification")
        for name, minimized in (("precision(class_id=0)", False), ("kl_divergence", True)):
            training = spec("val_loss", early_stopping={"monitor": name, "patience": 2}).training
            assert training.early_stopping is not None
            turned = training.early_stopping.seen_in({name: 0.5}, "val_accuracy", "maximize")
            assert turned == (0.5 if minimized else -0.5)
        study = spec("val_loss", early_stopping={"monitor": "precision(class_id=0)", "patience": 2})
        with pytest.raises(UnsupportedError, match=r"monitor: no epoch of this study reports precision"):
            check_metric(study, found)
        precision = [{"precision": {"class_id": 0}}]
        beside = StudySpec.model_validate({**study.dump(), "search": {"metrics": precision}})
        check_metric(beside, found)

    @pytest.mark.slow
    def test_what_the_metric_does_not_take_is_no_divergence(self, tmp_path: Path) -> None:
        generator = np.random.default_rng(0)
        x = generator.normal(size=(40, 3)).astype(np.float32)
        np.savez(tmp_path / "rows.npz", x=x, y=np.full(40, 0.01) + 0.01 * np.arange(40))
        write_study(tmp_path / "a.yaml", self.study("neg_mean_poisson_deviance"))
        result = here("optimize", "a.yaml", cwd=tmp_path)
        assert "Traceback" not in result.stderr
        cause = ended(tmp_path / "runs" / "a")[0]["cause"]
        assert cause.startswith("neg_mean_poisson_deviance is undefined for what the network predicts (Mean ")
        assert "strictly positive y_pred" in cause
        assert "choose another metric" in cause
        text = (tmp_path / "reports" / "a.html").read_text(encoding="utf-8")
        section = text.partition('<section id="wrong"')[2].partition("</section>")[0]
        assert "2 trials failed: neg_mean_poisson_deviance is undefined" in section
        assert "diverged" not in section
        assert "learning rate" not in section
