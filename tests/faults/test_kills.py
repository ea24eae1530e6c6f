"""Kills at random moments cost no finished trial, and change nothing of what a study finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from faults.kills import torment
from faults.outcomes import KINDS

pytestmark = pytest.mark.long

SEED, KILLS = 11, 20


def shorter(name: str, trials: int, epochs: int) -> dict[str, Any]:
    raw = KINDS[name]
    search, training = {**raw["search"], "trials": trials}, {**raw["training"], "epochs": epochs}
    return {**raw, "search": search, "training": training}


def test_killed_studies_end_as_if_nothing_had_happened(tmp_path: Path) -> None:
    kinds = [shorter("tpe", 16, 30), shorter("pruned", 24, 27)]
    tally = torment(tmp_path, kinds, kills=KILLS, seed=SEED, each=KILLS // 2)
    assert tally.problems == []
    assert tally.kills == KILLS
    assert tally.landed >= 0.9 * KILLS
    assert tally.saving > 0


def test_a_killed_study_with_rungs_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    few = KILLS // 4
    tally = torment(tmp_path, [shorter("rungs", 18, 27)], kills=few, seed=SEED, each=few)
    assert tally.problems == []
    assert tally.kills == few


def test_a_killed_study_of_a_model_in_python_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    tally = torment(tmp_path, [shorter("lstm", 6, 30)], kills=KILLS, seed=SEED, each=KILLS // 2)
    assert tally.problems == []
    assert tally.kills == KILLS
    assert tally.landed >= 0.9 * KILLS
    assert tally.saving > 0
