"""The processor time of a container, as both versions of Linux' control groups tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.engines.policy import cores
from hpsearch.engines.process.quota import processor_quota


@pytest.mark.parametrize(("told", "quota"), [("50000 100000\n", 0.5), ("max 100000\n", None), ("", None)])
def test_new_control_groups(told: str, quota: float | None, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(told)
    assert processor_quota(tmp_path) == quota


@pytest.mark.parametrize(("told", "quota"), [("250000\n", 2.5), ("-1\n", None)])
def test_old_control_groups(told: str, quota: float | None, tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(told)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert processor_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota", "workers", "share"), [(None, 2, 4), (2.5, 1, 2), (2.5, 2, 1), (0.5, 1, 1)])
def test_workers_share_the_time_and_not_the_cores(
    quota: float | None, workers: int, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "processor_quota", lambda: quota)
    monkeypatch.setattr(cores, "usable_cores", lambda: [*range(8)])
    assert cores.share_of_cores(workers) == share
