"""What the report says of rungs, against NumPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from hpsearch.analysis.rungs import follow_rungs
from hpsearch.report.words.study import rungs_note
from hpsearch.spec.sections.search import Rungs


def with_rungs(record: Any) -> Any:
    search = record.spec.search.model_copy(update={"schedule": Rungs(generation=9)})
    return replace(record, spec=record.spec.model_copy(update={"search": search}))


def test_rungs_are_counted_and_their_rankings_held_against_the_next(synthetic: Any) -> None:
    record = synthetic.record_of(60)
    rungs = follow_rungs(with_rungs(record))
    assert [rung.epoch for rung in rungs] == [1, 3, 9]
    for rung, following in zip(rungs, (3, 9, None), strict=True):
        assert rung.reached == sum(trial.epochs >= rung.epoch for trial in record.trials)
        promoted = [trial for trial in record.trials if trial.epochs > rung.epoch]
        assert rung.promoted == len(promoted)
        curves = [trial.history["val_loss"] for trial in promoted if trial.state != "failed"]
        here, later = ([min(curve[:epoch]) for curve in curves] for epoch in (rung.epoch, following))
        assert rung.agreement == pytest.approx(np.corrcoef(rankdata(here), rankdata(later))[0, 1])


def test_a_search_without_rungs_has_none(synthetic: Any) -> None:
    assert follow_rungs(synthetic.record_of(5)) == ()


def test_a_rung_that_said_little_is_named(synthetic: Any) -> None:
    first, *rest = follow_rungs(with_rungs(synthetic.record_of(60)))
    assert "below 0.3 at rung 1:" in rungs_note((replace(first, agreement=0.0), *rest[:0]))
    assert "below" not in rungs_note((replace(first, agreement=None),))
