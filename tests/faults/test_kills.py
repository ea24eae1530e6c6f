"""Kills at random moments cost no finished trial, and change nothing of what a study finds."""

from __future__ import annotations

from pathlib import Path

from faults.kills import torment

SEED, KILLS = 20, 20


def test_killed_studies_end_as_if_nothing_had_happened(tmp_path: Path) -> None:
    tally = torment(tmp_path, ["tpe", "pruned"], kills=KILLS, seed=SEED, each=KILLS // 2, pace=0.8)
    assert tally.problems == []
    assert tally.kills == KILLS
    assert tally.landed >= 0.9 * KILLS
    assert tally.saving > 0
