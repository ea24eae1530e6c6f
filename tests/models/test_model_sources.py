"""The contract of every source of models: built by a seed, exported, found from anywhere, known by its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from hpsearch.data import Dataset, Rows, load_dataset
from hpsearch.engines.messages import Job
from hpsearch.engines.session.open import trainer_of
from hpsearch.models.components.objectives import Objective
from hpsearch.models.interface import ModelFiles
from hpsearch.models.model import export_model, save_model, training_model
from hpsearch.models.sources.kinds import SOURCES, Sources, sources_of
from hpsearch.models.weights import Weights, put_weights, weights_of
from hpsearch.spec import Configuration, Data, Pretrained, StudySpec, pretrained_models, read_configuration
from hpsearch.spec.sections.model import MODELS
from hpsearch.spec.sections.pretrained import DonorStudy
from hpsearch.spec.sources.donor_file import donor_name, find_donor
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.fit.trainer import NETWORKS, FitTrainer
from hpsearch.training.messages import Member

NETS = """
import keras
from keras import layers

def build(features, outputs, units=6):
    rows = keras.Input(features)
    return keras.Model(rows, layers.Dense(outputs)(layers.Dense(units, activation="relu")(layers.Flatten()(rows))))
"""

TUNED = """
import keras
from keras import layers

def build(hp):
    units = hp.Int("units", 1, 9, default=6)
    return keras.Sequential([layers.Input((8, 8)), layers.Flatten(), layers.Dense(units), layers.Dense(10)])
"""

CODE = {"nets.py": NETS, "tuned.py": TUNED}

DATA = {"sklearn": "digits", "shape": [8, 8], "rescale": 0.0625, "subset": 300}
OBJECTIVE = Objective("classification", 10)
SEED = 5


@cache
def data() -> Dataset:
    return load_dataset(Data.model_validate(DATA), Path())


@dataclass(frozen=True)
class Kind:
    """A model of a kind, and the file beside the study file that it comes from, in two versions."""

    model: dict[str, Any]
    file: str | None = None
    constant: frozenset[str] = frozenset()
    """Weights of several axes that begin with one number everywhere, and so are drawn from no seed."""
    fitted: tuple[str, ...] = ()
    """How the names of weights begin that are fitted to rows."""

    def write(self, directory: Path, units: int = 6) -> None:
        """Write the file; other units make another file."""
        if self.file in CODE:
            text = CODE[self.file].replace("=6", f"={units}")
            (directory / self.file).write_text(text, encoding="utf-8")
        elif self.file is not None:
            keras.utils.set_random_seed(1)
            body = [layers.Rescaling(0.0625), layers.Flatten(), layers.Dense(units, activation="tanh")]
            keras.Sequential([keras.Input((8, 8)), *body, layers.Dense(3)]).save(directory / self.file)


KINDS = {
    "mlp": Kind({"mlp": {"hidden": [6], "dropout": 0.1, "l2": 0.01}}),
    "cnn": Kind({"cnn": {"filters": [2], "hidden": [5]}}),
    "realmlp": Kind({"realmlp": {"hidden": [5]}}, fitted=("robust_scale", "hidden_1", "output")),
    "tabm": Kind(
        {"tabm": {"k": 3, "d_block": 5, "dropout": 0.1, "mini": False, "embedding": "none"}},
        constant=frozenset({"scale_1/kernel", "adapter_2/kernel", "scale_2/kernel"}),
    ),
    "sequential": Kind(
        {"sequential": [{"conv1d": {"filters": 4, "kernel_size": 3}}, {"lstm": {"units": 3}}]}
    ),
    "python": Kind({"python": {"file": "nets.py"}}, "nets.py"),
    "keras_tuner": Kind({"keras_tuner": {"file": "tuned.py"}}, "tuned.py"),
    "pretrained": Kind({"pretrained": {"donor": "donor.keras", "hidden": [5]}}, "donor.keras"),
}


def spec_of(model: Any) -> StudySpec:
    training = {"epochs": 1, "batch_size": 64, "learning_rate": 0.01}
    return StudySpec.model_validate({"name": "a", "data": DATA, "model": model, "training": training})


def configuration_of(spec: StudySpec) -> Configuration:
    return read_configuration({"model": spec.model.dump(), "training": spec.training.dump()})


def opened(spec: StudySpec, directory: Path) -> Sources:
    """Read the sources of a study as a worker does."""
    models = [model for _, model in pretrained_models(spec.model)]
    donors = tuple(find_donor(donor_name(model), model.donor_path(directory)) for model in models)
    return sources_of(spec, ModelFiles(directory, donors=donors), data())


def begun(spec: StudySpec, sources: Sources, seed: int = SEED) -> tuple[keras.Model, Weights]:
    """Build the network of a study that searches nothing, with its first weights."""
    network = training_model(configuration_of(spec), data().features, OBJECTIVE, seed, sources)
    weights = sources.of(spec.model).first_weights(spec.model, network, OBJECTIVE, seed)
    put_weights(network, weights)
    return network, weights_of(network)


def differing(one: Weights, other: Weights) -> set[str]:
    assert one.keys() == other.keys()
    return {name for name in one if not np.array_equal(one[name], other[name])}


def test_there_is_a_source_for_every_kind_of_model() -> None:
    assert SOURCES.keys() == MODELS.keys() == KINDS.keys()
    assert NETWORKS.keys() <= SOURCES.keys()


@pytest.mark.parametrize("name", SOURCES)
class TestContract:
    @pytest.fixture
    def kind(self, name: str, tmp_path: Path) -> Kind:
        KINDS[name].write(tmp_path)
        return KINDS[name]

    @pytest.mark.slow
    def test_builds_a_network_whose_first_weights_are_a_function_of_the_seed(
        self, kind: Kind, tmp_path: Path
    ) -> None:
        spec = spec_of(kind.model)
        sources = opened(spec, tmp_path)
        network, weights = begun(spec, sources)
        assert network.input_shape == (None, 8, 8)
        assert network.output_shape == (None, 10)
        assert not differing(weights, begun(spec, sources)[1])
        assert not differing(weights, begun(spec, opened(spec, tmp_path))[1])
        others = differing(weights, begun(spec, sources, SEED + 1)[1])
        drawn = {name for name, value in weights.items() if value.ndim > 1}
        assert all(np.ptp(weights[name]) == 0 for name in kind.constant)
        of_the_donor = {"model/0"} if kind.file == "donor.keras" else set()
        assert others == drawn - of_the_donor - kind.constant

    @pytest.mark.slow
    def test_what_is_fitted_to_rows_is_a_function_of_the_seed_and_the_rows(
        self, kind: Kind, tmp_path: Path
    ) -> None:
        spec = spec_of(kind.model)
        sources, split = opened(spec, tmp_path), data().splits[0]

        def fitted(seed: int, rows: Rows) -> Weights:
            network, _ = begun(spec, sources, seed)
            sources.of(spec.model).fit_to(spec.model, network, rows, OBJECTIVE, seed)
            return weights_of(network)

        weights = fitted(SEED, split.train)
        assert not differing(weights, fitted(SEED, split.train))
        moved = differing(weights, begun(spec, sources)[1])
        assert moved <= {name for name in weights if name.startswith(kind.fitted)}
        assert bool(moved) == bool(kind.fitted) == bool(differing(weights, fitted(SEED, split.validation)))

    @pytest.mark.slow
    def test_exports_a_model_that_loads_and_computes_what_was_trained(
        self, kind: Kind, tmp_path: Path
    ) -> None:
        spec = spec_of(kind.model)
        sources = opened(spec, tmp_path)
        network, weights = begun(spec, sources)
        scaling, configuration = data().splits[0].scaling, configuration_of(spec)
        model = export_model(configuration, data().features, OBJECTIVE, scaling, weights, SEED + 1, sources)
        save_model(model, tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        raw = data().raw(0, "validation").x.astype(np.float32)
        logits = np.asarray(network(raw / 16, training=False), float)
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(loaded.predict(raw, verbose=0), expected, rtol=1e-4, atol=1e-6)

    def test_builds_from_another_directory_what_is_written_for_anywhere(
        self, kind: Kind, tmp_path: Path
    ) -> None:
        spec = spec_of(kind.model)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        moved = spec_of(spec.model.from_anywhere(tmp_path).dump())
        assert (moved == spec) == (kind.file is None)
        sources = opened(moved, elsewhere)
        assert not differing(begun(moved, sources)[1], begun(spec, opened(spec, tmp_path))[1])
        assert sources.of(moved.model).files == (() if kind.file is None else (tmp_path / kind.file,))

    def test_is_known_by_what_is_in_its_files(self, kind: Kind, tmp_path: Path) -> None:
        spec = spec_of(kind.model)
        known = opened(spec, tmp_path).fingerprints
        assert known == opened(spec, tmp_path).fingerprints
        assert len(known) == (0 if kind.file is None else 1)
        kind.write(tmp_path, units=7)
        assert set(known.values()).isdisjoint(opened(spec, tmp_path).fingerprints.values())

    @pytest.mark.slow
    def test_is_trained_by_the_compiled_trainer_or_says_why_not(self, kind: Kind, tmp_path: Path) -> None:
        spec = spec_of(kind.model)
        sources = opened(spec, tmp_path)
        trainer, _ = trainer_of("auto", data(), spec, Job(spec.dump(), ""), sources)
        assert isinstance(trainer, FitTrainer if sources.not_compiled else CompiledTrainer)
        assert bool(sources.not_compiled) == (spec.model.name not in ("mlp", "cnn"))
        trainer.start(Member(0, configuration_of(spec), SEED))
        report = trainer.advance(0)
        assert report.failure is None
        assert np.isfinite(report.metrics["val_loss"])
        trainer.close()


def test_only_the_kinds_that_a_study_has_are_read(tmp_path: Path) -> None:
    """A study without a Python file runs none, whatever lies in its directory."""
    (tmp_path / "nets.py").write_text("raise AssertionError", encoding="utf-8")
    KINDS["pretrained"].write(tmp_path)
    spec = spec_of({"choice": [KINDS["mlp"].model, {"choice": [KINDS["pretrained"].model]}]})
    sources = opened(spec, tmp_path)
    assert set(sources.fingerprints) == {"donor"}
    assert len(sources.not_compiled) == 1


def test_the_study_of_a_donor_is_found_from_anywhere(tmp_path: Path) -> None:
    model = spec_of({"pretrained": {"donor": {"study": "first.yaml"}, "layers": 2}}).model
    assert isinstance(model, Pretrained)
    moved = model.from_anywhere(tmp_path)
    assert moved.donor == DonorStudy(study=str(tmp_path / "first.yaml"))
    assert moved.model_copy(update={"donor": model.donor}) == model
    home = model.model_copy(update={"donor": "~/donor.keras"})
    assert home.donor_path(tmp_path) == Path.home() / "donor.keras"
