"""Everything of Keras' own that a model is made of, through one program and through `fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from hpsearch.training.compiled.keras_model import table
from hpsearch.training.compiled.keras_model.programs import Programs
from support.programs import check_shared, compiled, rows_of, run, state_of
from support.stock_layers import LAYERS, PARTED, layer_model, share, small

pytestmark = pytest.mark.slow

OPTIMIZERS = [kind for kind in table.OPTIMIZERS if issubclass(kind, keras.optimizers.Optimizer)]
"""Those of Keras; the table has factors of the learning rate beside them."""

QUICK = ("Dropout", "GaussianDropout", "BatchNormalization", "Conv1D")


def classes_in(module: Any, base: type) -> set[str]:
    known = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, base)]
    return {one.__name__ for one in known}


def test_every_layer_of_the_installed_keras_is_classified():
    public = classes_in(keras.layers, keras.layers.Layer)
    known = table.CONFIGURED | table.KEYED_BY_TEXT | {"Layer", "Wrapper"}
    assert public == known, "say in the table how the new layers are keyed"
    assert not table.CONFIGURED & table.KEYED_BY_TEXT
    assert set(LAYERS) == table.CONFIGURED, "each layer that is keyed by its configuration has a case"


def test_every_other_class_of_the_installed_keras_is_classified():
    regularizers = classes_in(keras.regularizers, keras.regularizers.Regularizer) - {"Regularizer"}
    assert regularizers == {one.__name__ for one in table.REGULARIZERS}
    optimizers = classes_in(keras.optimizers, keras.optimizers.Optimizer) - {"Optimizer"}
    assert optimizers == {one.__name__ for one in OPTIMIZERS} | set(table.UNFED_OPTIMIZERS)
    assert classes_in(keras.losses, keras.losses.Loss) - {"Loss"} == set(LOSSES) | {"CTC"}
    assert classes_in(keras.constraints, keras.constraints.Constraint) - {"Constraint"} == set(CONSTRAINTS)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in LAYERS]
)
def test_a_layer_equals_fit_with_other_numbers_than_its_program_was_made_with(name):
    check_shared(lambda v: layer_model(name, v), shared=name not in PARTED, whole=name not in QUICK)


def dense(optimizer: Any, loss: Any = "mse", units: int = 1, **settings: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    inner = [keras.layers.Dense(5, "tanh", **settings), keras.layers.Dense(units)]
    model = keras.Sequential([keras.Input((4,)), *inner])
    model.compile(optimizer, loss)
    return model


def settings_of(kind: type, v: int) -> dict[str, Any]:
    """Give values to all coefficients of an optimizer that a program is fed, but for clipping."""
    shares = {fed.attribute: (0.6, 0.8)[v] for fed in table.OPTIMIZERS[kind] if fed.bound == 1}
    fed = {fed.attribute: (0.02, 0.05)[v] for fed in table.OPTIMIZERS[kind] if fed.bound != 1}
    return {**shares, **fed, "use_ema": True, **dict.fromkeys(("clipnorm", "clipvalue", "global_clipnorm"))}


@pytest.mark.parametrize(
    "kind",
    [one if one.__name__ == "SGD" else pytest.param(one, marks=pytest.mark.long) for one in OPTIMIZERS],
)
def test_an_optimizer_equals_fit_with_other_coefficients(kind):
    # Keras cannot call `fit` twice with moving averages on JAX: it hands one array over twice.
    whole = kind is not keras.optimizers.SGD
    check_shared(lambda v: dense(kind(0.01, **settings_of(kind, v))), shared=True, epochs=1, whole=whole)


@pytest.mark.long
@pytest.mark.parametrize("kind", [keras.optimizers.SGD, keras.optimizers.Muon])
def test_accumulation_with_averages_that_become_the_weights_equals_fit(kind):
    settings = {"gradient_accumulation_steps": 2, "ema_overwrite_frequency": 2}
    check_shared(lambda v: dense(kind(0.1, **settings_of(kind, v), **settings)), shared=True, epochs=1)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["clipnorm", "clipvalue", "global_clipnorm"])
@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.SGD])
def test_clipping_equals_fit_with_another_threshold(optimizer, kind):
    check_shared(lambda v: dense(optimizer(0.1, **{kind: (0.05, 0.2)[v]})), shared=True, whole=True)


REGULARIZERS: dict[str, Callable[[int], Any]] = {
    "L1": lambda v: keras.regularizers.L1(small(v)),
    "L2": lambda v: keras.regularizers.L2(small(v)),
    "L1L2": lambda v: keras.regularizers.L1L2(small(v), share(v)),
    "OrthogonalRegularizer": lambda v: keras.regularizers.OrthogonalRegularizer(small(v)),
}


@pytest.mark.long
@pytest.mark.parametrize("name", REGULARIZERS)
def test_a_regularizer_equals_fit_with_another_strength(name):
    check_shared(lambda v: dense("sgd", kernel_regularizer=REGULARIZERS[name](v)), shared=True, whole=True)


CONSTRAINTS: dict[str, Callable[[int], Any]] = {
    "MaxNorm": lambda v: keras.constraints.MaxNorm(share(v)),
    "MinMaxNorm": lambda v: keras.constraints.MinMaxNorm(share(v), 1.0),
    "NonNeg": lambda v: keras.constraints.NonNeg(),
    "UnitNorm": lambda v: keras.constraints.UnitNorm(),
}


@pytest.mark.long
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint_equals_fit(name):
    check_shared(lambda v: dense("sgd", kernel_constraint=CONSTRAINTS[name](v)), whole=True)


LOSSES: dict[str, Callable[[int], Any]] = {
    "BinaryCrossentropy": lambda v: keras.losses.BinaryCrossentropy(True, label_smoothing=share(v)),
    "BinaryFocalCrossentropy": lambda v: keras.losses.BinaryFocalCrossentropy(
        True, alpha=share(v), gamma=1 + share(v), label_smoothing=small(v), from_logits=True
    ),
    "CategoricalCrossentropy": lambda v: keras.losses.CategoricalCrossentropy(True, label_smoothing=share(v)),
    "CategoricalFocalCrossentropy": lambda v: keras.losses.CategoricalFocalCrossentropy(
        share(v), 1 + share(v), from_logits=True, label_smoothing=small(v)
    ),
    "CategoricalGeneralizedCrossEntropy": lambda v: keras.losses.CategoricalGeneralizedCrossEntropy(share(v)),
    "CategoricalHinge": lambda v: keras.losses.CategoricalHinge(),
    "Circle": lambda v: keras.losses.Circle(gamma=10 + v, margin=share(v)),
    "CosineSimilarity": lambda v: keras.losses.CosineSimilarity(),
    "Dice": lambda v: keras.losses.Dice(),
    "Hinge": lambda v: keras.losses.Hinge(),
    "Huber": lambda v: keras.losses.Huber(share(v)),
    "KLDivergence": lambda v: keras.losses.KLDivergence(),
    "LogCosh": lambda v: keras.losses.LogCosh(),
    "MeanAbsoluteError": lambda v: keras.losses.MeanAbsoluteError(),
    "MeanAbsolutePercentageError": lambda v: keras.losses.MeanAbsolutePercentageError(),
    "MeanSquaredError": lambda v: keras.losses.MeanSquaredError(),
    "MeanSquaredLogarithmicError": lambda v: keras.losses.MeanSquaredLogarithmicError(),
    "Poisson": lambda v: keras.losses.Poisson(),
    "SparseCategoricalCrossentropy": lambda v: keras.losses.SparseCategoricalCrossentropy(True),
    "SquaredHinge": lambda v: keras.losses.SquaredHinge(),
    "Tversky": lambda v: keras.losses.Tversky(share(v), small(v)),
}
OF_CLASSES = ("SparseCategoricalCrossentropy", "Circle", "CategoricalGeneralizedCrossEntropy")


@pytest.mark.parametrize(
    "name", [one if one == "Huber" else pytest.param(one, marks=pytest.mark.long) for one in LOSSES]
)
def test_a_loss_equals_fit_with_other_numbers(name):
    classes, whole = 3 if name in OF_CLASSES else 0, name != "Huber"
    check_shared(
        lambda v: dense(keras.optimizers.SGD(0.01), LOSSES[name](v), 3), classes=classes, whole=whole
    )


def test_a_sum_of_numbers_that_is_none_is_another_structure():
    def key(rate: float, clipnorm: float | None) -> str | None:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(rate), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(clipnorm=clipnorm), "mse")
        return compiled(model, Programs()).key

    assert len({key(0.0, None), key(0.2, None), key(0.2, 1.0), key(0.0, 1.0)}) == 4
    assert key(0.2, 1.0) == key(0.4, 3.0)


def test_a_number_that_a_configuration_does_not_tell_parts_structures_where_it_is_not_fed():
    def keys(*, fed: bool) -> set[str | None]:
        models = [dense("sgd", keras.losses.Huber(delta)) for delta in (0.5, 2.0)]
        return {compiled(model, Programs(), fed=fed).key for model in models}

    assert (len(keys(fed=True)), len(keys(fed=False))) == (1, 2)


def test_what_two_layers_share_is_another_structure_than_what_each_has():
    def key(*regularizers: Any) -> str | None:
        inner = [keras.layers.Dense(2, kernel_regularizer=one) for one in regularizers]
        model = keras.Sequential([keras.Input((2,)), *inner])
        model.compile("sgd", "mse")
        return compiled(model, Programs()).key

    shared = keras.regularizers.L2(0.1)
    assert key(shared, shared) != key(keras.regularizers.L2(0.1), keras.regularizers.L2(0.1))


def test_models_of_other_optimizers_share_what_predicts_and_evaluates():
    def model(slope: float, penalty: float, optimizer: Any) -> keras.Model:
        keras.utils.set_random_seed(1)
        inner = [
            keras.layers.Dense(5, activity_regularizer=keras.regularizers.L2(penalty)),
            keras.layers.LeakyReLU(slope),
            keras.layers.Dense(1),
        ]
        built = keras.Sequential([keras.Input((4,)), *inner])
        built.compile(optimizer, "mse", metrics=["mae"])
        return built

    programs, made = Programs(), []
    for given in ((0.1, 1e-3, "adam"), (0.4, 1e-1, "sgd")):
        built = model(*given)
        x, y = rows_of(built)
        program = compiled(built, programs)
        before = programs.compilations
        np.testing.assert_allclose(program.predict([x]), built.predict(x, verbose=0), rtol=1e-6, atol=1e-6)
        told = built.evaluate(x, y, batch_size=len(x), verbose=0, return_dict=True)
        assert program.evaluate([(x, y)]) == pytest.approx(told, rel=1e-6)
        made.append(programs.compilations - before)
    assert made == [2, 0]


def test_numbers_are_as_before_after_a_model_was_traced_or_could_not_be():
    model = layer_model("GaussianDropout", 0)
    program = compiled(model, Programs())
    before = [dict(place.held) for place in program.training.places.places]
    with pytest.raises(RuntimeError), program.training.places.put(program.training.numbers):
        raise RuntimeError
    run(program, rows_of(model))
    for place, known in zip(program.training.places.places, before, strict=True):
        assert place.held.keys() == known.keys()
        assert place.held[place.fed.attribute] == known[place.fed.attribute]


@pytest.mark.parametrize("name", ["Dense", pytest.param("MultiHeadAttention", marks=pytest.mark.long)])
def test_both_forms_of_an_epoch_are_equal(name):
    models = [layer_model(name, 0), layer_model(name, 0)]
    rows = rows_of(models[0])
    losses = [
        run(compiled(model, Programs(), scanned=scanned), rows)
        for model, scanned in zip(models, (True, False), strict=True)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-6)
    for one, other in zip(*map(state_of, models), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-6)
