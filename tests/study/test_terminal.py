"""Lines at the terminal while a study runs."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from types import ModuleType

import pytest
from rich.console import Console

from hpsearch.store.record import TrialRecord
from hpsearch.study.terminal import LiveDisplay


def told(trials: int, record: TrialRecord, ended: int) -> list[str]:
    """Return the lines of a study of so many trials after so many of them have ended."""
    console = Console(file=io.StringIO(), width=200)
    display = LiveDisplay(trials, "val_loss", console=console, further=("parameters", "val_accuracy"))
    for number in range(ended):
        display.ended(replace(record, number=number), record, number + 1)
    return str(console.file.getvalue()).splitlines()  # type: ignore[attr-defined]


@pytest.fixture
def record(synthetic: ModuleType) -> TrialRecord:
    trial: TrialRecord = synthetic.record_of(1, mixed=False).trials[0]
    accuracy = (None,) * trial.epochs
    history = {**trial.history, "parameters": (1_234_567.0,) * trial.epochs, "val_accuracy": accuracy}
    return replace(trial, history=history)


def test_further_objectives_are_told_whole_or_undefined(record: TrialRecord) -> None:
    line = told(10, record, 1)[0]
    assert re.search(r", parameters 1,?234,?567, val_accuracy undefined ", line), line


@pytest.mark.parametrize(("trials", "left"), [(4, "the remaining 1 trial"), (7, "the remaining 4 trials")])
def test_the_time_that_is_left(record: TrialRecord, trials: int, left: str) -> None:
    line = told(trials, record, 3)[-1]
    assert line.endswith(left), line
