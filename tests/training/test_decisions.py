"""What is decided automatically keeps its words in files."""

from __future__ import annotations

from dataclasses import fields

import pytest

from hpsearch.training.decisions import Decisions

ALL = {
    "backend": "jax",
    "validation": "the test part, which makes scores optimistic",
    "cores": "one",
    "compilation cache": "on",
    "model code": "6b21",
    "donor": "90f1",
    "trainer": "CompiledTrainer",
    "width": "2",
    "vmapped": "off",
    "probes": "on",
    "workers": "3",
    "target transform": "standard",
}
"""The names, words and order of files that were written when these were a dictionary."""


def test_reads_and_writes_the_words_of_earlier_files() -> None:
    decisions = Decisions.read(ALL)
    later = {"sampler", "warm_start", "stream"}
    assert {name.replace(" ", "_") for name in ALL} == {one.name for one in fields(Decisions)} - later
    assert decisions.compilation_cache is True
    assert decisions.vmapped is False
    assert (decisions.width, decisions.workers, decisions.model_code) == (2, 3, "6b21")
    assert list(decisions.words().items()) == list(ALL.items())


def test_what_is_not_told_is_not_written() -> None:
    words = {"backend": "jax", "width": "1", "probes": "off"}
    assert Decisions.read(words).words() == words
    assert Decisions.read({}) == Decisions()
    assert Decisions.read(words).vmapped is None


@pytest.mark.parametrize(
    "change",
    [{"width": "wide"}, {"width": " 1"}, {"probes": "yes"}, {"cores": "two"}, {"run": "x"}],
    ids=lambda change: str(*change.items()),
)
def test_other_words_are_refused(change: dict[str, str]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Decisions.read({**ALL, **change})
