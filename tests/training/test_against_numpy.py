"""A compiled epoch of training, and its validation, are what NumPy computes in numbers of 64 bits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hpsearch.data import Rows, Scaling, Split
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import initial_weights
from hpsearch.spec.sections.study import read_configuration
from hpsearch.training.compiled import CompiledTrainer
from hpsearch.training.interface import epoch_order
from hpsearch.training.messages import Member
from support.compiling import optimized
from support.strategies import examples

Wide = NDArray[np.float64]
SEED = 3
RATE = 0.05
RELATIVE = 1e-4
"""Sums of numbers of 32 bits against those of 64: a row that is taken for another one is far beyond it."""


def log_softmax(logits: Wide) -> Wide:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


class Reference:
    """A perceptron of relus with L1 and L2, trained by plain gradient descent."""

    def __init__(self, weights: dict[str, Any], layers: int, l1: float, l2: float) -> None:
        names = [*(f"hidden_{number + 1}" for number in range(layers)), "output"]
        self.kernels = [np.asarray(weights[f"{name}/kernel"], np.float64) for name in names]
        self.biases = [np.asarray(weights[f"{name}/bias"], np.float64) for name in names]
        self.l1, self.l2 = l1, l2

    @property
    def penalty(self) -> float:
        return sum(self.l1 * np.abs(k).sum() + self.l2 * (k**2).sum() for k in self.kernels[:-1])

    def forward(self, x: Wide) -> list[Wide]:
        passed = [x]
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            passed.append(np.maximum(passed[-1] @ kernel + bias, 0))
        return [*passed, passed[-1] @ self.kernels[-1] + self.biases[-1]]

    def losses(self, logits: Wide, y: NDArray[Any]) -> Wide:
        return -log_softmax(logits)[np.arange(len(y)), y]

    def step(self, x: Wide, y: NDArray[Any]) -> tuple[float, float]:
        """Take a step; give the sums of the batch's losses, without and with penalties."""
        *passed, logits = self.forward(x)
        loss, penalty = self.losses(logits, y).sum(), self.penalty
        slope = (np.exp(log_softmax(logits)) - np.eye(logits.shape[1])[y]) / len(y)
        changes = []
        for layer in reversed(range(len(self.kernels))):
            kernel = self.kernels[layer]
            change = passed[layer].T @ slope
            if layer < len(self.kernels) - 1:
                change = change + self.l1 * np.sign(kernel) + 2 * self.l2 * kernel
            changes.append((layer, change, slope.sum(axis=0)))
            slope = (slope @ kernel.T) * (passed[layer] > 0)
        for layer, change, shift in changes:
            self.kernels[layer] = self.kernels[layer] - RATE * change
            self.biases[layer] = self.biases[layer] - RATE * shift
        return loss, loss + penalty * len(y)


def drawn(rows: int, features: int, classes: int, seed: int) -> Rows:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, features)).astype(np.float32)
    # One teacher for both parts: no loss comes near those that a probability of float32 cannot hold.
    teacher = np.random.default_rng(2).normal(size=(features, classes))
    labels = (x @ teacher).argmax(axis=1)
    return Rows(x, labels.astype(np.int32))


def compare(
    rows: int,
    validation: int,
    features: int,
    classes: int,
    hidden: list[int],
    batch: int,
    l1: float,
    l2: float,
) -> None:
    train, held = drawn(rows, features, classes, 0), drawn(validation, features, classes, 1)
    split = Split(train, held, Scaling(), np.arange(rows), np.arange(validation))
    dataset: Any = SimpleNamespace(
        splits=(split,),
        train_rows=rows,
        task="classification",
        outputs=classes,
        target_layout=None,
        labels=tuple(map(str, range(classes))),
    )
    configuration = read_configuration(
        {
            "model": {"mlp": {"hidden": hidden, "activation": "relu", "l1": l1, "l2": l2}},
            "training": {"optimizer": "sgd", "learning_rate": RATE, "epochs": 1, "batch_size": batch},
        }
    )
    with optimized():
        trainer = CompiledTrainer(dataset)
        trainer.start(Member(0, configuration, SEED))
        (report,) = trainer.advance_all([0])
    objective = Objective("classification", classes)
    reference = Reference(initial_weights(configuration, (features,), objective, SEED), len(hidden), l1, l2)
    order = epoch_order(SEED, 1, rows)
    sums = np.zeros(2)
    for begin in range(0, rows, batch):
        taken = order[begin : begin + batch]
        sums += reference.step(train.x[taken].astype(np.float64), train.y[taken])
    logits = reference.forward(held.x.astype(np.float64))[-1]
    val_loss = reference.losses(logits, held.y).mean()
    expected = {
        "loss": sums[0] / rows,
        "loss_with_penalties": sums[1] / rows,
        "val_loss": val_loss,
        "val_loss_with_penalties": val_loss + reference.penalty,
    }
    found = {name: report.metrics[name] for name in expected}
    assert found == pytest.approx(expected, rel=RELATIVE)


sizes = st.integers(1, 40)
penalties = st.sampled_from([0.0, 1e-4, 1e-2])
structures = {
    "features": st.integers(1, 20),
    "classes": st.integers(3, 8),
    "hidden": st.lists(sizes, min_size=1, max_size=3),
    "l1": penalties,
    "l2": penalties,
}


@pytest.mark.slow
@settings(max_examples=examples(3), deadline=None, derandomize=True)
@given(rows=st.integers(1, 400), validation=st.integers(1, 1_500), batch=st.integers(1, 128), **structures)
def test_structures_and_batches(rows, validation, batch, **structure: Any):
    compare(rows, validation, batch=min(batch, rows), **structure)


EDGE = {"features": 3, "classes": 3, "hidden": [3], "l1": 0.0, "l2": 1e-4}


@pytest.mark.long
@settings(max_examples=examples(4), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    rows=st.sampled_from([2**14, 2**15, 2**16]).flatmap(lambda power: st.integers(power - 3, power + 3)),
    validation=st.sampled_from([2**14, 2**15, 2**16]).flatmap(
        lambda power: st.integers(power - 3, power + 3)
    ),
    batch=st.sampled_from([128, 2**14 + 1, 2**15 + 1, 2**16 + 3]),
    **structures,
)
@example(rows=2**14 + 1, validation=2**14 + 1, batch=2**14 + 1, **EDGE)
@example(rows=2**15 + 1, validation=2**15 + 1, batch=2**15 + 1, **EDGE)
@example(rows=2**15 + 1, validation=2**15 + 1, batch=64, **EDGE)
@example(rows=2**16 + 1, validation=2**16 + 1, batch=2**15 + 5, **EDGE)
def test_rows_and_batches_around_powers_of_two(rows, validation, batch, **structure: Any):
    compare(rows, validation, batch=min(batch, rows), **structure)
