"""When states of trials are saved: at a rate that all workers share."""

from __future__ import annotations

import time

import pytest

from hpsearch.study.snapshots import SnapshotClock


@pytest.mark.parametrize(
    ("workers", "cost", "interval"), [(1, 0.01, 5), (1, 1.0, 50), (2, 1.0, 100), (1_000, 0.002, 100)]
)
def test_snapshots_of_all_workers_take_a_fiftieth_of_the_time(workers, cost, interval, monkeypatch):
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    clock = SnapshotClock(workers)
    clock.saved(cost)
    now = interval - 0.1
    assert not clock.due
    now = interval + 0.1
    assert clock.due
