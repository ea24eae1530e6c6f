"""What kind of network suits rows, with a space that is worth a first search."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from textwrap import dedent

import numpy as np

from hpsearch.data import Dataset

FEWEST_TOKENS = 256
"""Whole numbers in long rows that go beyond a byte are taken for numbers of words."""

SHORTEST_TEXT = 8

SMALLEST_IMAGE = 8
"""Height and width below which a row of two axes is a series, and no image."""


class Rows(Enum):
    """What the rows of a data set are."""

    features = "features"
    images = "images"
    tokens = "tokens"
    series = "series"


def rows_of(dataset: Dataset) -> Rows:
    """Tell what rows are by their shape and their numbers."""
    shape, x = dataset.features, dataset.unscaled.x
    if dataset.images is not None or (len(shape) == 3 and min(shape[:2]) >= SMALLEST_IMAGE):
        return Rows.images
    if len(shape) == 2:
        pixels = min(shape) >= SMALLEST_IMAGE and x.max() > 1 and x.min() >= 0 and _whole(x)
        return Rows.images if pixels else Rows.series
    text = len(shape) == 1 and shape[0] >= SHORTEST_TEXT and dataset.encoding is None
    return Rows.tokens if text and x.min() >= 0 and x.max() >= FEWEST_TOKENS and _whole(x) else Rows.features


def _whole(x: np.ndarray) -> bool:
    return bool((x == np.floor(x)).all())


def vocabulary(dataset: Dataset) -> int:
    """Return how many words sequences of tokens have."""
    parts = [dataset.unscaled, *([] if dataset.held_out is None else [dataset.held_out])]
    return int(max(part.x.max() for part in parts)) + 1


@dataclass(frozen=True)
class Network:
    """A model section as text, and how long it is trained.

    Attributes:
        text: The section.
        epochs: Epochs of training.
        rate: The learning rate as a distribution.
        trials: Configurations of a first search.
    """

    text: str
    epochs: int
    rate: str
    trials: int = 40


def network_of(dataset: Dataset) -> Network:
    """Choose a network."""
    rows = rows_of(dataset)
    if rows is Rows.images:
        return _convolutional(dataset)
    if rows is Rows.tokens:
        return _bag_of_embeddings(vocabulary(dataset), dataset.train_rows)
    if rows is Rows.series:
        return _recurrent(dataset.train_rows)
    return _perceptron(dataset.train_rows)


def _perceptron(rows: int) -> Network:
    text = """\
        model:
          mlp:
            hidden: {choice: [[64], [128, 64], [256, 128]]}   # units of each hidden layer
            initializer: {choice: [glorot_uniform, he_normal]}
            activation: {choice: [relu, gelu, tanh]}
            batch_norm: {choice: [none, before_activation]}
            dropout: {uniform: [0.0, 0.5]}
            l2: {log_uniform: [1e-7, 1e-2]}
        """
    return Network(dedent(text), 60 if rows < 2_000 else 30, "{log_uniform: [3e-4, 3e-2]}")


def _convolutional(dataset: Dataset) -> Network:
    blocks = 2 if min(dataset.features[:2]) < 32 else 3
    narrow, wide = ([start * 2**block for block in range(blocks)] for start in (8, 16))
    text = f"""\
        model:
          cnn:
            filters: {{choice: [{narrow}, {wide}]}}   # of each convolution
            kernel: 3
            pooling: max
            head: {{choice: [flatten, global_average]}}
            initializer: {{choice: [glorot_uniform, he_normal]}}
            batch_norm: {{choice: [none, before_activation]}}
            dropout: {{uniform: [0.0, 0.5]}}
            l2: {{log_uniform: [1e-7, 1e-2]}}
        """
    return Network(
        dedent(text), 15 if dataset.train_rows < 5_000 else 8, "{log_uniform: [3e-4, 1e-2]}", trials=20
    )


def _bag_of_embeddings(words: int, rows: int) -> Network:
    text = f"""\
        model:
          sequential:
            - {{embedding: {{input_dim: {words}, output_dim: {{choice: [16, 32]}}}}}}   # {words:,} words
            - {{choice: [global_average_pooling1d, global_max_pooling1d]}}
            - {{dense: {{units: {{choice: [16, 64]}}, activation: relu}}}}
            - {{dropout: {{rate: {{uniform: [0.0, 0.5]}}}}}}
        """
    return Network(dedent(text), 15 if rows < 5_000 else 8, "{log_uniform: [1e-3, 3e-2]}", trials=20)


def _recurrent(rows: int) -> Network:
    text = """\
        model:
          sequential:
            - choice:
                - {conv1d: {filters: {choice: [16, 32]}, kernel_size: 3, padding: same, activation: relu}}
                - {gru: {units: {choice: [16, 32]}, return_sequences: true}}
            - global_average_pooling1d
            - {dense: {units: 32, activation: relu}}
            - {dropout: {rate: {uniform: [0.0, 0.5]}}}
        """
    return Network(dedent(text), 20 if rows < 5_000 else 10, "{log_uniform: [1e-3, 3e-2]}", trials=20)
