"""Probes at several epochs: against plain `fit` and a forward pass in NumPy, and what is told of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.cli.tables import probe_lines, probe_table
from hpsearch.data import load_dataset
from hpsearch.exceptions import HpsearchError, UnsupportedError
from hpsearch.report.html.probe import probe_page
from hpsearch.seeds import derive
from hpsearch.spec import load_study_file
from hpsearch.study.probe import Probed, ProbeOptions, probe, read_epochs
from hpsearch.study.probe_arms import probed_arms
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.messages import Member
from support.commands import write_study

pytestmark = pytest.mark.slow

STUDY: dict[str, Any] = {
    "name": "inside",
    "data": "sklearn:iris",
    "model": {"mlp": {"hidden": [6, 5], "activation": "tanh", "batch_norm": "before_activation"}},
    "training": {
        "optimizer": "sgd",
        "learning_rate": {"log_uniform": [0.01, 1.0]},
        "schedule": "cosine",
        "clipping": {"global_clipnorm": 0.5},
        "epochs": 4,
        "batch_size": 20,
    },
}


def probed(directory: Path, epochs: tuple[int, ...], raw: Any = STUDY, **more: Any) -> Probed:
    study = load_study_file(write_study(directory / "study.yaml", raw))
    options = {"rows": 60, "replicates": 1, "out": directory, **more}
    return probe(study, ProbeOptions(epochs=epochs, **options))


def with_training(**training: Any) -> dict[str, Any]:
    return {**STUDY, "training": {**STUDY["training"], **training}}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    return probed(tmp_path_factory.mktemp("probed"), (0, 1, 3), replicates=2)


def deviations_after_fit(directory: Path, epochs: int, number: int) -> list[float]:
    """Train by plain `fit`, and send the rows through the layers in NumPy."""
    study = load_study_file(directory / "study.yaml")
    dataset = load_dataset(study.spec.data, study.directory, None)
    (configuration,) = probed_arms(study.spec).configurations
    trainer = FitTrainer(dataset)
    trainer.start(Member(0, configuration, derive(0, "probe", number)))
    for _ in range(epochs):
        trainer.advance(0)
    weights = trainer.weights(0)
    values, deviations = dataset.splits[0].train.x[:60].astype(float), []
    for layer in (1, 2):
        values = values @ weights[f"hidden_{layer}/kernel"] + weights[f"hidden_{layer}/bias"]
        values = (values - values.mean(axis=0)) / np.sqrt(values.var(axis=0) + 1e-3)
        norm = f"batch_norm_{layer}"
        values = np.tanh(values * weights[f"{norm}/gamma"] + weights[f"{norm}/beta"])
        deviations.append(float(values.std()))
    return deviations


def test_the_networks_are_those_that_fit_trains(found: Probed) -> None:
    directory = found.page.parent.parent
    assert [arm.epoch for arm in found.probe.arms] == [0, 1, 3]
    for arm in found.probe.arms:
        each = [deviations_after_fit(directory, arm.epoch, number) for number in range(2)]
        told = [layer.deviation for layer in arm.layers]
        assert told == pytest.approx(np.mean(each, axis=0), rel=1e-4)
    first, _, last = found.probe.arms
    assert first.layers[1].deviation != pytest.approx(last.layers[1].deviation, rel=1e-3)


def test_epoch_0_is_what_is_measured_without_training(found: Probed, tmp_path: Path) -> None:
    (alone,) = probed(tmp_path, (0,), replicates=2).probe.arms
    assert found.probe.arms[0] == alone


def test_every_measurement_tells_its_epoch(found: Probed) -> None:
    told = json.loads(found.json())
    assert told["epochs"] == [arm["epoch"] for arm in told["arms"]] == [0, 1, 3]
    assert told["fixed"] == {"learning_rate": pytest.approx(0.1)}
    assert told["endings"] == []
    table = probe_table(found)
    assert [str(column.header) for column in table.columns][:3] == ["initializer", "activation", "epoch"]
    assert [str(cell) for cell in table.columns[2].cells] == ["0", "1", "3"]
    assert "arms: 1, hidden layers: 2, rows: 60, means over 2 seeds" in probe_lines(found)[2]


def test_the_page_has_a_line_for_each_epoch(found: Probed) -> None:
    page = probe_page(found.probe, found.summaries)
    assert "1 arm with 2 hidden layers during training, after epoch 0, 1, 3" in page.answer
    assert [row[2].text for row in page.arms.rows] == ["0", "1", "3"]
    for figure in (page.deviations.figure, page.gradients.figure):
        assert str(figure).count(">epoch<") == 1
        assert ">tanh, before_activation<" in str(figure)
    for epoch in (0, 1, 3):
        assert f", epoch {epoch}<" in str(page.histograms.figure)


def test_a_network_that_diverges_ends_with_a_sentence(tmp_path: Path) -> None:
    model = {"mlp": {"hidden": [6], "activation": {"choice": ["linear", "tanh"]}}}
    raw = {**with_training(learning_rate=3e30, clipping="none", schedule="constant"), "model": model}
    ended = probed(tmp_path, (0, 4), raw)
    assert [(arm.activation, arm.epoch) for arm in ended.probe.arms] == [
        ("linear", 0),
        ("tanh", 0),
        ("tanh", 4),
    ]
    (ending,) = ended.probe.endings
    assert ending.sentence.startswith("glorot_uniform with linear ends here: the training loss is not finite")
    assert "epoch 1, step" in ending.sentence
    assert ending.sentence in probe_lines(ended)
    page = probe_page(ended.probe, ended.summaries)
    assert ending.sentence in page.answer
    assert ending.sentence in ended.page.read_text(encoding="utf-8")


def test_no_network_that_can_be_measured_is_an_error(tmp_path: Path) -> None:
    model = {"mlp": {"hidden": [6], "activation": "linear"}}
    raw = {**with_training(learning_rate=3e30, clipping="none"), "model": model}
    with pytest.raises(HpsearchError, match=r"up to epoch 2: .* ends here: the training loss is not finite"):
        probed(tmp_path, (2, 4), raw)


@pytest.mark.parametrize(
    ("training", "remedy"), [({}, "epochs=5"), ({"epochs": None, "steps": 20}, "steps=30")]
)
def test_an_epoch_beyond_the_run_is_refused(training: Any, remedy: str, tmp_path: Path) -> None:
    raw = with_training(**training)
    raw["training"] = {name: value for name, value in raw["training"].items() if value is not None}
    with pytest.raises(UnsupportedError, match=f"has 4 epochs, but epoch 5 was.*training.{remedy}"):
        probed(tmp_path, (0, 5), raw)


def test_too_many_measurements_are_refused(tmp_path: Path) -> None:
    layers = [{"choice": ["relu", "tanh", "elu"]}] * 4
    raw = {**STUDY, "model": {"mlp": {"hidden": [4] * 4, "activation": layers}}}
    with pytest.raises(UnsupportedError, match="81 arms at 3 epochs"):
        probed(tmp_path, (0, 1, 2), raw)


def test_epochs_are_read_in_any_order_and_once() -> None:
    assert read_epochs("5, 0,1,5") == (0, 1, 5)
    assert read_epochs("0") == (0,)


@pytest.mark.parametrize("text", ["", "a", "1,", "-1", "0,1.5", "²", "0,1,2,3,4,5,6,7,8,9,10"])
def test_other_epochs_are_refused(text: str) -> None:
    with pytest.raises(UnsupportedError, match="--at-epochs: expected"):
        read_epochs(text)
