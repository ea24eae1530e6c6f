"""Layers of saved models, reused: as Keras by hand has it, from any donor that fits, and with clear refusals."""

from __future__ import annotations

import json
import os
import signal
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import jax
import keras
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache
from keras import layers

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import DonorError, StudyFileError, StudyMismatchError, UnsupportedError
from hpsearch.models.model import export_model, save_model
from hpsearch.models.sources.kinds import Sources
from hpsearch.models.sources.pretrained import PretrainedSource
from hpsearch.spec import (
    Data,
    StudyFile,
    StudySpec,
    load_study_file,
    pretrained_models,
    print_spec,
    read_configuration,
    read_spec,
)
from hpsearch.spec.sources.donor_file import find_donor
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.source import parse
from hpsearch.store.arrays import read_arrays, write_arrays
from hpsearch.study import lifecycle
from hpsearch.study.lifecycle import optimize
from hpsearch.study.options import Options
from hpsearch.study.probe_arms import probed_arms
from hpsearch.study.progress import Display
from hpsearch.training.fit.trainer import FitTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import EpochReport, Member, MemberState
from support.commands import events, run, seal, started, succeed, wait_until, write_study

pytestmark = pytest.mark.slow

EPOCHS, BATCH, SEED = 4, 40, 5
CLASSES = [1, 2]


@cache
def data(**options: Any) -> Dataset:
    return load_dataset(_data(**options), Path())


def _data(**options: Any) -> Data:
    return Data.model_validate({"sklearn": "iris", **options})


def save(path: Path, *body: Any, features: tuple[int, ...] = (4,), head: bool = True) -> Path:
    """Save a sequential model whose biases and statistics are not those of a new one."""
    rows = keras.Input(features)
    model = keras.Sequential([rows, *body, *([layers.Dense(3, activation="softmax")] if head else [])])
    generator = np.random.default_rng(1)
    model.set_weights([np.abs(generator.normal(0, 0.7, w.shape)) for w in model.get_weights()])
    model.save(path)
    return path


def donor(path: Path, rate: float = 0.0) -> Path:
    return save(
        path,
        layers.Dense(7, activation="tanh"),
        layers.BatchNormalization(),
        layers.Dropout(rate),
        layers.Dense(5),
        layers.ReLU(),
    )


@pytest.fixture(scope="module", autouse=True)
def kept_programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each program once: most of these tests train the same few networks."""
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("programs")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": 0,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for values in (settings, before):
        compilation_cache.reset_cache()
        for name, value in values.items():
            jax.config.update(name, value)
        if values is settings:
            yield


AblationSpace = tuple[FitTrainer, Callable[..., Member]]


def opened(path: Path, dataset: Dataset | None = None, **given: Any) -> AblationSpace:
    """Give a trainer of models on a donor, and what makes its members."""
    rows = dataset or data()
    spec = read_configuration(raw(path))
    source = PretrainedSource([find_donor(str(path), path)], spec.model, given.pop("data", _data()), rows)
    trainer = FitTrainer(rows, sources=Sources({"pretrained": source}), **given)

    def member(number: int = 0, seed: int = SEED, **model: Any) -> Member:
        return Member(number, read_configuration(raw(path, **model)), seed)

    return trainer, member


def body_for(trainer: FitTrainer, model: Any) -> keras.Model:
    return cast("PretrainedSource", trainer.sources.of(model)).build(model)


def raw(path: Path, **model: Any) -> dict[str, Any]:
    training = {"epochs": EPOCHS, "batch_size": BATCH, "learning_rate": 0.02}
    return {"model": {"pretrained": {"donor": str(path), **model}}, "training": training}


def train(trainer: FitTrainer, one: Member, epochs: int = EPOCHS) -> list[EpochReport]:
    trainer.start(one)
    return [trainer.advance(one.number) for _ in range(epochs)]


def now(trainer: FitTrainer, number: int = 0) -> dict[str, Any]:
    """Give the present weights of a member."""
    arrays = trainer.state(number).arrays.items()
    return {name.removeprefix("0/now/"): array for name, array in arrays if name.startswith("0/now/")}


class ByHand:
    """The recipe of Keras' guide: freeze, compile, fit, unfreeze, compile with a lower rate, fit."""

    def __init__(self, path: Path, kernel: Any, frozen_epochs: float, rates: tuple[float, float]) -> None:
        loaded = keras.saving.load_model(path)
        self.body = keras.Model(loaded.inputs, loaded.layers[-2].output)
        self.head = layers.Dense(3)
        self.model = keras.Sequential([keras.Input((4,)), self.body, self.head])
        self.head.kernel.assign(kernel)
        rows, loss = data().splits[0], keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.told: list[float] = []
        for epoch in range(1, EPOCHS + 1):
            if epoch == 1 or epoch == frozen_epochs + 1:
                self.body.trainable = epoch > frozen_epochs
                self.model.compile(keras.optimizers.Adam(rates[self.body.trainable]), loss)
            order = epoch_order(SEED, epoch, len(rows.train))
            x, y = rows.train.x[order], rows.train.y[order]
            self.model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
            self.told.append(self.model.evaluate(rows.validation.x, rows.validation.y, verbose=0))


class TestRecipe:
    @pytest.mark.parametrize("frozen_epochs", [0, 2, "all"])
    def test_as_keras_by_hand(self, frozen_epochs: Any, tmp_path: Path) -> None:
        path = donor(tmp_path / "donor.keras")
        before = path.read_bytes()
        rate = {} if frozen_epochs == "all" else {"unfrozen_learning_rate": 0.003}
        trainer, member = opened(path)
        one = member(frozen_epochs=frozen_epochs, **rate)
        trainer.start(one)
        kernel = now(trainer)["output/kernel"]
        reports = [trainer.advance(0) for _ in range(EPOCHS)]
        frozen = EPOCHS if frozen_epochs == "all" else frozen_epochs
        hand = ByHand(path, kernel, frozen, (0.02, 0.003))
        told = [report.metrics["val_loss"] for report in reports]
        np.testing.assert_allclose(told, hand.told, rtol=1e-5)
        ours = now(trainer)
        for index, weight in enumerate(hand.body.get_weights()):
            np.testing.assert_allclose(ours[f"model/{index}"], weight, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(ours["output/kernel"], hand.head.kernel, rtol=1e-5, atol=1e-6)
        rates = [report.metrics["learning_rate"] for report in reports]
        assert rates == pytest.approx([0.02] * frozen + [0.003] * (EPOCHS - frozen))
        assert path.read_bytes() == before

    def test_a_frozen_body_keeps_every_weight_and_statistic(self, tmp_path: Path) -> None:
        path = donor(tmp_path / "donor.keras")
        trainer, member = opened(path)
        train(trainer, member(frozen_epochs=2), 2)
        given = keras.saving.load_model(path).get_weights()[:-2]
        for index, weight in enumerate(given):
            np.testing.assert_array_equal(now(trainer)[f"model/{index}"], weight)
        optimizer = [name for name in now(trainer) if name.startswith("optimizer/")]
        trainer.advance(0)
        assert all((now(trainer)[f"model/{i}"] != w).any() for i, w in enumerate(given))
        assert len([name for name in now(trainer) if name.startswith("optimizer/")]) > len(optimizer)

    def test_a_schedule_goes_on_over_both_phases_at_the_rate_of_each(self, tmp_path: Path) -> None:
        trainer, _ = opened(donor(tmp_path / "donor.keras"))
        written = raw(tmp_path / "donor.keras", frozen_epochs=2, unfrozen_learning_rate=0.001)
        written["training"] |= {"schedule": {"step": {"factor": 0.5, "every": {"epochs": 1}}}}
        one = Member(0, read_configuration(written), SEED)
        rates = [report.metrics["learning_rate"] for report in train(trainer, one)]
        assert rates == pytest.approx([0.02, 0.01, 0.00025, 0.000125])

    @pytest.mark.parametrize(
        ("wanted", "shapes"),
        [(1, [(4, 7), (7,), (7,), (7,), (7,), (7,)]), ("all", [(4, 7), *[(7,)] * 5, (7, 5), (5,)])],
    )
    def test_so_many_layers_with_what_belongs_to_them(
        self, wanted: Any, shapes: list[Any], tmp_path: Path
    ) -> None:
        trainer, member = opened(donor(tmp_path / "donor.keras", rate=0.1))
        trainer.start(member(layers=wanted, hidden=[6], dropout=0.2))
        arrays = now(trainer)
        kept = [arrays[f"model/{i}"].shape for i in range(sum(name.startswith("model/") for name in arrays))]
        assert kept == shapes
        assert arrays["hidden_1/kernel"].shape == (7 if wanted == 1 else 5, 6)
        assert arrays["output/kernel"].shape == (6, 3)

    @pytest.mark.parametrize("stop", [1, 3])
    def test_goes_on_from_a_state_as_if_never_stopped(self, stop: int, tmp_path: Path) -> None:
        path, model = donor(tmp_path / "donor.keras", rate=0.3), {"frozen_epochs": 2, "dropout": 0.2}
        trainer, member = opened(path)
        train(trainer, member(**model), stop)
        state = trainer.state(0)
        write_arrays(tmp_path / "state.npz", state.arrays, state.progress)
        going_on = [trainer.advance(0).metrics for _ in range(EPOCHS - stop)]
        stored = read_arrays(tmp_path / "state.npz")
        assert stored is not None
        later, _ = opened(path)
        later.start(member(**model), MemberState(*stored))
        assert [later.advance(0).metrics for _ in range(EPOCHS - stop)] == going_on
        for name, array in trainer.state(0).arrays.items():
            np.testing.assert_array_equal(later.state(0).arrays[name], array, err_msg=name)

    def test_numbers_depend_on_the_seed_and_on_nothing_around(self, tmp_path: Path) -> None:
        path = donor(tmp_path / "donor.keras", rate=0.3)
        trainer, member = opened(path)
        alone = [report.metrics for report in train(trainer, member(frozen_epochs=1, dropout=0.2), 2)]
        trainer.start(member(1, seed=9, frozen_epochs=1, dropout=0.2))
        trainer.start(member(2, frozen_epochs=1, dropout=0.2))
        together = [trainer.advance_all((1, 2)) for _ in range(2)]
        assert [second.metrics for _, second in together] == alone
        assert together[0][0].metrics["loss"] != alone[0]["loss"]

    def test_folds_are_trained_on_bodies_of_their_own(self, tmp_path: Path) -> None:
        dataset = data(validation=_Frozen(folds=5))
        trainer, member = opened(donor(tmp_path / "donor.keras"), dataset)
        (report,) = train(trainer, member(frozen_epochs=0), 1)
        arrays = trainer.state(0).arrays
        assert (arrays["0/now/model/0"] != arrays["1/now/model/0"]).any()
        assert np.isfinite(report.metrics["val_loss"])

    def test_a_donor_is_loaded_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = donor(tmp_path / "donor.keras")
        trainer, member = opened(path)
        path.unlink()
        for number in range(3):
            trainer.start(member(number, layers=1 if number else "all"))
        arrays = [trainer.state(number).arrays["0/now/model/0"] for number in range(3)]
        np.testing.assert_array_equal(arrays[0], arrays[2])


class _Frozen(dict[str, Any]):
    """A mapping that can be an argument of a cached function."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


class TestExport:
    def exported(self, trainer: FitTrainer, one: Member, path: Path, dataset: Dataset) -> keras.Model:
        weights = trainer.best_weights(one.number)
        assert weights is not None
        arguments = one.configuration, dataset.features, trainer.objective, dataset.splits[0].scaling
        save_model(export_model(*arguments, weights, one.seed, trainer.sources), path)
        return keras.saving.load_model(path, safe_mode=True)

    def test_holds_stock_layers_and_the_reported_score(self, tmp_path: Path) -> None:
        dataset = data(classes=("versicolor", "virginica"))
        trainer, member = opened(donor(tmp_path / "donor.keras", rate=0.2), dataset)
        one = member(frozen_epochs=2, hidden=[6], activation="celu")
        reports = train(trainer, one)
        best = min(report.metrics["val_loss"] for report in reports)
        path = tmp_path / "model.keras"
        loaded = self.exported(trainer, one, path, dataset)
        rows = dataset.raw(0, "validation")
        assert loaded.evaluate(rows.x, rows.y, verbose=0)[0] == pytest.approx(best, rel=1e-5)
        assert loaded.output_shape == (None, 1)
        assert b"hpsearch" not in zipfile.ZipFile(path).read("config.json")

    def test_is_a_donor_in_its_turn(self, tmp_path: Path) -> None:
        """Layers of the model inside it count like its own, whatever they are called."""
        trainer, member = opened(donor(tmp_path / "donor.keras"))
        one = member(hidden=[6], activation={"celu": {"alpha": 0.5}})
        train(trainer, one, 1)
        loaded = self.exported(trainer, one, tmp_path / "second.keras", data())
        heir, member = opened(tmp_path / "second.keras")
        heir.start(member(layers="all"))
        assert [now(heir)[f"model/{i}"].shape for i in (0, 6, 8)] == [(4, 7), (7, 5), (5, 6)]
        assert now(heir)["output/kernel"].shape == (6, 3)
        body = body_for(
            heir, one.configuration.model.model_copy(update={"donor": str(tmp_path / "second.keras")})
        )
        x = data().raw(0, "validation").x
        hidden = keras.Model(loaded.inputs, loaded.get_layer("output").input)
        np.testing.assert_allclose(body.predict(x, verbose=0), hidden.predict(x, verbose=0), rtol=1e-5)

    def test_saved_again_it_has_the_same_fingerprint(self, tmp_path: Path) -> None:
        first = donor(tmp_path / "first.keras")
        loaded = keras.saving.load_model(first)
        loaded.save(tmp_path / "second.keras")
        weights = loaded.get_weights()
        weights[0][0, 0] += 1e-3
        loaded.set_weights(weights)
        loaded.save(tmp_path / "third.keras")
        trainers = [opened(tmp_path / f"{name}.keras")[0] for name in ("first", "second", "third")]
        prints = [trainer.sources.fingerprints["donor"] for trainer in trainers]
        assert prints[0] == prints[1] != prints[2]


class TestScaling:
    RESCALING = (layers.Rescaling, 0.25)

    def scaled(self, path: Path, scale: float = 0.25) -> Path:
        return save(path, layers.Rescaling(scale), layers.Dense(5))

    def test_of_the_donor_works_on_raw_rows(self, tmp_path: Path) -> None:
        trainer, member = opened(self.scaled(tmp_path / "donor.keras"))
        body = body_for(trainer, member().configuration.model)
        kernel, bias = body.get_weights()
        x = data().splits[0].train.x[:5]
        np.testing.assert_allclose(body.predict(x, verbose=0), x / 4 @ kernel + bias, rtol=1e-5)

    def test_the_same_of_the_study_takes_its_place(self, tmp_path: Path) -> None:
        path, options = self.scaled(tmp_path / "donor.keras"), {"rescale": 0.25}
        trainer, member = opened(path, data(**options), data=_data(**options))
        body = body_for(trainer, member().configuration.model)
        assert not any(isinstance(layer, layers.Rescaling) for layer in body.layers)
        told = [report.metrics for report in train(trainer, member())]
        raw_rows, member = opened(path)
        # A quarter is exact in binary, so that it does not matter who scales.
        assert [report.metrics for report in train(raw_rows, member())] == told

    @pytest.mark.parametrize("options", [{"rescale": 0.5}, {"standardize": True}])
    def test_both_is_an_error(self, options: dict[str, Any], tmp_path: Path) -> None:
        path = self.scaled(tmp_path / "donor.keras")
        with pytest.raises(DonorError, match=r"would scale them twice: remove them, or rescale by 0\.25$"):
            opened(path, data(**options), data=_data(**options))

    def test_standardizing_is_never_the_same(self, tmp_path: Path) -> None:
        normal = layers.Normalization(mean=[1.0] * 4, variance=[2.0] * 4)
        path = save(tmp_path / "donor.keras", normal, layers.Dense(5))
        opened(path)
        with pytest.raises(DonorError, match=r"scale the rows \(Normalization\).*remove them$"):
            opened(path, data(rescale=0.5), data=_data(rescale=0.5))


class TestRefusals:
    @pytest.mark.parametrize(
        ("make", "cause"),
        [
            (lambda path: None, "no such file or directory"),
            (lambda path: path.mkdir(), "not a file"),
            (lambda path: path.write_text("weights"), "expected a model as Keras saves it"),
            (save, "it has no hidden layer to reuse"),
            (lambda path: save(path, layers.ReLU()), "it has no hidden layer to reuse"),
            (
                lambda path: save(path, layers.Dense(3), features=(5,)),
                r"it takes rows of shape \(5,\), but those of sklearn:iris have shape \(4,\)",
            ),
            (lambda path: two_inputs().save(path), "expected a model with one input and one output"),
            (lambda path: twice().save(path), "one of its layers is called more than once"),
            (lambda path: save(path, Own()), "Own is not one of Keras' own layers"),
            (lambda path: save(path, layers.Lambda(lambda x: x)), "cannot be loaded in Keras' safe mode"),
        ],
    )
    def test_of_donors(self, make: Callable[[Path], Any], cause: str, tmp_path: Path) -> None:
        path = tmp_path / "donor.keras"
        make(path)
        with pytest.raises(DonorError, match=f"^model.pretrained.donor: {path}: .*{cause}") as error:
            opened(path)
        assert "\n" not in str(error.value)
        assert error.value.exit_code == 2

    @pytest.mark.parametrize("wanted", [3, {"int": [1, 3]}, {"choice": ["all", {"choice": [1, 3]}]}])
    def test_of_more_layers_than_there_are(self, wanted: Any, tmp_path: Path) -> None:
        path = donor(tmp_path / "donor.keras")
        model = StudySpec.model_validate({**study(), "model": raw(path, layers=wanted)["model"]}).model
        with pytest.raises(DonorError, match=f"at most 2, the number of hidden layers of {path}; found 3"):
            PretrainedSource([find_donor(str(path), path)], model, _data(), data())

    def test_of_a_cut_through_a_branch(self, tmp_path: Path) -> None:
        rows = keras.Input((4,))
        one = layers.Dense(4)(rows)
        two = layers.Dense(4)(layers.Add()([one, layers.Dense(4)(one)]))
        keras.Model(rows, layers.Dense(3)(two)).save(tmp_path / "donor.keras")
        trainer, member = opened(tmp_path / "donor.keras")
        trainer.start(member(layers="all"))
        trainer.start(member(1, layers=2))
        trainer.start(member(2, layers=1))
        keras.Model(rows, layers.Dense(3)(layers.Add()([one, two]))).save(tmp_path / "across.keras")
        trainer, member = opened(tmp_path / "across.keras")
        trainer.start(member(layers=1))
        with pytest.raises(DonorError, match="it branches behind its hidden layer 2"):
            trainer.start(member(layers=2))

    def test_of_a_donor_that_changes_under_way(self, tmp_path: Path) -> None:
        path = donor(tmp_path / "donor.keras")
        found = find_donor(str(path), path)
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(StudyMismatchError, match="has changed while the study was running"):
            PretrainedSource([found], None, _data(), data())


def two_inputs() -> keras.Model:
    rows = [keras.Input((4,)), keras.Input((4,))]
    return keras.Model(rows, layers.Dense(3)(layers.Dense(3)(layers.Add()(rows))))


def twice() -> keras.Model:
    rows, layer = keras.Input((4,)), layers.Dense(4)
    return keras.Model(rows, layers.Dense(3)(layer(layer(rows))))


@keras.saving.register_keras_serializable(package="mine")
class Own(layers.Layer):
    def call(self, rows: Any) -> Any:
        return rows


def study(**changes: Any) -> dict[str, Any]:
    model = {"donor": {"study": "donor.yaml"}, "frozen_epochs": {"choice": [EPOCHS, "all"]}, "dropout": 0.2}
    return {
        "name": "heir",
        "data": {"sklearn": "iris", "classes": CLASSES, "rescale": 0.25},
        "model": {"pretrained": model},
        "training": {
            "epochs": 30,
            "batch_size": 40,
            "learning_rate": {"log_uniform": [1e-3, 1e-1]},
            # Each epoch is a tick of its own, because it has to be decided about.
            "early_stopping": {"patience": 30},
        },
        "search": {"trials": 2, "enqueue": [{"frozen_epochs": EPOCHS, "learning_rate": 0.01}]},
        **changes,
    }


DONOR: dict[str, Any] = {
    "name": "donor",
    "data": {"sklearn": "iris", "rescale": 0.25},
    "model": {"mlp": {"hidden": [8, 6], "batch_norm": "before_activation", "dropout": 0.1}},
    "training": {"epochs": 3, "batch_size": 40, "learning_rate": {"log_uniform": [1e-3, 1e-1]}},
    "search": {"trials": 2},
}


class TestStudyFile:
    def test_reads_back_and_names_its_parameters(self) -> None:
        model = {
            "donor": {"study": "donor.yaml"},
            "layers": {"choice": [1, "all"]},
            "frozen_epochs": {"int": [0, 4]},
            "unfrozen_learning_rate": {"log_uniform": [1e-5, 1e-3]},
            "hidden": [{"int": [4, 8]}],
            "dropout": {"uniform": [0.0, 0.5]},
            "output_initializer": {"choice": ["zeros", "he_normal"]},
        }
        spec = StudySpec.model_validate({**study(search={}), "model": {"pretrained": model}})
        again = read_spec(parse(print_spec(spec), "again"))
        assert again == spec
        names = ["layers", "frozen_epochs", "unfrozen_learning_rate", "hidden.0", "dropout"]
        found = [parameter.name for parameter in SearchSpace(spec).parameters]
        assert found == [*names, "output_initializer", "learning_rate"]
        structural = [p.name for p in SearchSpace(spec).parameters if p.structural]
        assert structural == ["layers", "hidden.0"]

    def test_models_are_found_in_choices_with_their_places(self) -> None:
        options = [{"pretrained": {"donor": name}} for name in ("a.keras", "b.keras")]
        model = {"choice": [{"mlp": {"hidden": [4]}}, *options]}
        spec = StudySpec.model_validate({**study(search={}), "model": model})
        places = [place for place, _ in pretrained_models(spec.model)]
        assert places == [("model", "choice", index, "pretrained") for index in (1, 2)]

    @pytest.mark.parametrize(
        ("model", "told"),
        [
            ({}, "model.pretrained: expected the key 'donor'"),
            ({"donor": ""}, "model.pretrained.donor: expected text that is not empty"),
            ({"donor": 3}, "model.pretrained.donor: expected text"),
            ({"donor": {"study": 3}}, "model.pretrained.donor.study: expected text"),
            ({"donor": {"stduy": "a"}}, "(did you mean 'study'?)"),
            ({"layers": 0}, "model.pretrained.layers: expected a number of hidden layers from 1 on, or all"),
            ({"layers": "most"}, "expected a number of hidden layers from 1 on, or all; found 'most'"),
            ({"frozen_epochs": -1}, "expected a number of epochs from 0 on, or all; found -1"),
            ({"frozen_epochs": {"int": [-1, 3]}}, "expected a number of epochs from 0 on, or all; found -1"),
            ({"unfrozen_learning_rate": 0}, "expected a number above 0; found 0"),
        ],
    )
    def test_errors_are_told(self, model: dict[str, Any], told: str) -> None:
        written = {
            **study(search={}),
            "model": {"pretrained": {"donor": "a.keras", **model} if model else {}},
        }
        with pytest.raises(StudyFileError) as error:
            read_spec(parse(json.dumps(written), "study.yaml"))
        assert told in str(error.value)
        assert len(error.value.problems) == 1 + ("stduy" in told or "did you" in told)


@dataclass
class Notes:
    """A display that remembers remarks."""

    told: list[str]

    def ended(self, *_: Any) -> None:
        """Nothing is remembered."""

    def advanced(self, *_: Any) -> None:
        """Nothing is remembered."""

    def note(self, text: str) -> None:
        self.told.append(text)


def optimize_here(path: Path) -> list[str]:
    """Run a study in this process, beside its file, and give the remarks."""
    notes = Notes([])
    outcome, _ = optimize(load_study_file(path), Options(out=path.parent, engine="in_process"), notes)
    assert outcome == "finished"
    return notes.told


def reports(files: Path) -> list[Any]:
    return [(e["number"], e["epoch"], e["metrics"]) for e in events(files) if e["kind"] == "report"]


def kept(files: Path) -> dict[str, dict[str, bytes]]:
    """Return the weights of the best trials, by their files."""
    found = {path.name: read_arrays(path) for path in (files / "models").glob("*.npz")}
    return {file: {name: a.tobytes() for name, a in read[0].items()} for file, read in found.items() if read}


class TestCommands:
    @pytest.fixture(scope="class")
    def directory(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Give a directory in which the study was run to its end, and its donor's first."""
        directory = tmp_path_factory.mktemp("pretrained")
        write_study(directory / "donor.yaml", DONOR)
        write_study(directory / "study.yaml", study())
        told = succeed("optimize", "study.yaml", cwd=directory).stdout
        assert "running the donor's study 'donor' first" in told
        assert "donor: trial 1" in told
        return directory

    @pytest.mark.long
    def test_the_best_model_and_its_study_file_stand_for_themselves(
        self, directory: Path, tmp_path: Path
    ) -> None:
        best = json.loads(succeed("best", "heir", "--format", "json", cwd=directory).stdout)
        loaded = keras.saving.load_model(directory / "runs" / "heir" / "best.keras", safe_mode=True)
        rows = load_dataset(Data.model_validate(study()["data"]), Path()).raw(0, "validation")
        assert loaded.evaluate(rows.x, rows.y, verbose=0)[0] == pytest.approx(best["value"], rel=1e-5)
        assert best["study"]["model"]["pretrained"]["donor"] == {"study": str(directory / "donor.yaml")}

    def test_a_donor_saved_anew_is_the_same_and_another_is_refused(self, directory: Path) -> None:
        path, log = (directory / "runs" / "donor" / name for name in ("best.keras", "ticks.jsonl"))
        before, logged = path.read_bytes(), log.read_bytes()
        optimize_here(directory / "donor.yaml")
        assert path.read_bytes() != before, "the date inside should be another"
        before = path.read_bytes()
        assert not any("running the donor" in note for note in optimize_here(directory / "study.yaml"))
        assert (path.read_bytes(), log.read_bytes()) == (before, logged)
        other = keras.saving.load_model(path)
        other.set_weights([weight + 1e-3 for weight in other.get_weights()])
        other.save(path)
        seal(path.parent)
        with pytest.raises(StudyMismatchError) as error:
            optimize_here(directory / "study.yaml")
        path.write_bytes(before)
        seal(path.parent)
        assert "the donor of the study 'heir' has changed since it was started" in str(error.value)
        assert "restore the old one, give the study another name, or start over" in str(error.value)

    @pytest.mark.long
    def test_killed_it_goes_on_with_the_same_numbers(self, directory: Path, tmp_path: Path) -> None:
        for name in ("donor.yaml", "study.yaml"):
            (tmp_path / name).write_bytes((directory / name).read_bytes())
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs" / "donor").symlink_to(directory / "runs" / "donor")
        files, after = tmp_path / "runs" / "heir", EPOCHS + 6
        with started("optimize", "study.yaml", cwd=tmp_path) as process:
            wait_until(lambda: len(reports(files)) >= after, process)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate(timeout=60)
        assert after <= len(reports(files)) < 30
        succeed("optimize", "study.yaml", cwd=tmp_path)
        assert reports(files) == reports(directory / "runs" / "heir")
        assert kept(files) == kept(directory / "runs" / "heir") != {}

    @pytest.mark.parametrize("heir", ["donor", "heir"])
    def test_a_study_cannot_be_its_own_donor(self, heir: str, tmp_path: Path) -> None:
        write_study(tmp_path / "study.yaml", study(name=heir))
        own = {**study(), "model": {"pretrained": {"donor": {"study": "study.yaml"}}}, "search": {}}
        write_study(tmp_path / "donor.yaml", DONOR if heir == "donor" else {**own, "name": "donor"})
        result = run("optimize", "study.yaml", cwd=tmp_path)
        assert result.returncode == 2
        assert "a study cannot be its own donor" in result.stderr
        assert "Traceback" not in result.stderr
        assert not (tmp_path / "runs").exists()

    def test_interrupted_in_the_donors_study_it_ends_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_study(tmp_path / "donor.yaml", DONOR)
        write_study(tmp_path / "study.yaml", study())
        told: list[str] = []

        def interrupted(given: StudyFile, _: Options, display: Display) -> Any:
            display.note(f"{given.spec.name} stops")
            return "interrupted", SimpleNamespace(record=None)

        monkeypatch.setattr(lifecycle, "optimize", interrupted)
        with pytest.raises(KeyboardInterrupt):
            optimize(load_study_file(tmp_path / "study.yaml"), Options(out=tmp_path), Notes(told))
        assert told[1:] == ["donor: donor stops"]
        assert not (tmp_path / "runs" / "heir").exists()

    def test_a_probe_refuses_it(self) -> None:
        with pytest.raises(
            UnsupportedError, match="a probe needs an mlp, and the model of this study is 'pretrained'"
        ):
            probed_arms(StudySpec.model_validate(study(search={})))
