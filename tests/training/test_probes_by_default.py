"""Networks are looked into in training where that takes at most 3 % of it, unless the study file decides."""

from __future__ import annotations

import numpy as np
import pytest

from hpsearch.data import Dataset, Rows, Split
from hpsearch.engines.policy.probes import training_seconds, wants_probes
from hpsearch.spec import read_spec
from hpsearch.spec.study_file.source import Source
from hpsearch.training.probes.due import PROBES


def dataset(rows: int, splits: int = 1) -> Dataset:
    """Make a dataset of 10 features and 2 classes whose rows are all one row."""
    part = Rows(np.broadcast_to(np.float32(0), (rows, 10)), np.broadcast_to(np.int64(0), (rows,)))
    split = Split(part, part, None, np.arange(1), np.arange(1))
    return Dataset("made", "classification", (10,), ("a", "b"), (split,) * splits, None, "", None)


def spec(search: dict | None = None, **training: object):
    given = {"epochs": 10, **training}
    raw = {
        "name": "s",
        "data": "sklearn:digits",
        "model": {"mlp": {"hidden": [100]}},
        "training": {name: value for name, value in given.items() if value is not None},
        "search": {"trials": 100, **(search or {})},
    }
    return read_spec(Source("a test", raw, {}))


def test_the_estimate_counts_multiplications():
    """100 runs of 10 epochs on 3,000 rows; 10 x 100 + 100 x 2 weights; forward and twice back."""
    expected = 100 * 10 * 3000 * 1200 * 3 / 1e11
    assert training_seconds(spec(), dataset(3000)) == pytest.approx(expected)
    assert training_seconds(spec(), dataset(3000, 2)) == pytest.approx(2 * expected)
    early = {"early_stopping": {"patience": 2}}
    assert training_seconds(spec(**early), dataset(3000)) == pytest.approx(expected / 3)
    assert training_seconds(spec({"pruner": "median"}), dataset(3000)) == pytest.approx(expected / 3)
    steps = spec(epochs=None, steps=50, batch_size={"choice": [8, 16]})
    assert training_seconds(steps, dataset(3000)) == pytest.approx(100 * 50 * 8 * 1200 * 3 / 1e11)


def test_a_long_study_is_looked_into_and_a_short_one_is_not():
    rows = 2_000_000
    # 2 s to compile and 3 probes of 20 ms for each trial are 8 s: training has to take 267.
    assert PROBES == 3
    seconds = training_seconds(spec(), dataset(rows))
    assert seconds == pytest.approx(72)
    assert not wants_probes(spec(), dataset(rows * 3))
    assert wants_probes(spec(), dataset(rows * 4))
    assert not wants_probes(spec({"pruner": "median"}), dataset(rows * 4))
    assert wants_probes(spec({"pruner": "median"}), dataset(rows * 12))


def test_each_structure_is_compiled():
    searched = {"choice": ["adam", "sgd", "rmsprop", "adagrad"]}
    assert wants_probes(spec(), dataset(8_000_000))
    assert not wants_probes(spec(optimizer=searched), dataset(8_000_000))


def test_the_study_file_and_the_beginning_of_the_study_hold():
    assert wants_probes(spec({"probes": "on"}), dataset(100))
    assert not wants_probes(spec({"probes": "off"}), dataset(9_000_000))
    assert wants_probes(spec(), dataset(100), decided=True)
    assert not wants_probes(spec(), dataset(9_000_000), decided=False)
