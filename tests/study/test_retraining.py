"""Trials that are trained once more give what the log has, bit for bit, and a number that differs is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from hpsearch.exceptions import StudyMismatchError, UnsupportedError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_record
from hpsearch.study import retrain as retraining
from hpsearch.study.retrain import Retrained, retrain
from support.commands import STUDY, here, succeed_here, write_study

pytestmark = pytest.mark.slow

SEARCHED = {
    **STUDY,
    "model": {"mlp": {"hidden": [4], "dropout": {"uniform": [0.1, 0.5]}}},
    "search": {"trials": 3},
    "confirm": {"finalists": 2, "replicates": 2, "splits": "fresh"},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    place = tmp_path_factory.mktemp("retrained")
    succeed_here("optimize", write_study(place / "a.yaml", SEARCHED), cwd=place)
    return StudyFiles(place, "a")


def again(files, count):
    return list(retrain(files, count, engine="in_process"))


def test_every_trial_comes_out_the_same(files):
    assert again(files, 9) == [Retrained(number, 2) for number in range(3)]


def test_a_sample_is_spread_over_the_study(files):
    assert [one.number for one in again(files, 2)] == [0, 1]
    assert [one.number for one in again(files, 1)] == [0]


@pytest.mark.parametrize("name", ["loss", "val_loss", "val_loss_with_penalties"])
def test_one_bit_in_one_epoch_is_told(name, files, monkeypatch):
    record = read_record(files)
    trial = record.trials[1]
    curve = trial.history[name]
    other = float(np.nextafter(np.float32(curve[1]), np.float32(np.inf)))
    changed = replace(trial, history={**trial.history, name: (curve[0], other)})
    trials = tuple(changed if one is trial else one for one in record.trials)
    monkeypatch.setattr(retraining, "read_record", lambda _: replace(record, trials=trials))
    found = again(files, 3)
    assert [one.difference is None for one in found] == [True, False, True]
    assert found[1].epochs == 1
    assert f"epoch 2: {name} is {other!r} in the log, and {curve[1]!r} when" in str(found[1].difference)


def test_another_seed_is_told(files, monkeypatch):
    resolved = retraining.read_resolved(files)
    spec = resolved.spec.model_copy(update={"search": resolved.spec.search.model_copy(update={"seed": 1})})
    monkeypatch.setattr(retraining, "read_resolved", lambda _: replace(resolved, spec=spec))
    assert all(one.difference and one.epochs == 0 for one in again(files, 3))


def test_other_versions_are_refused(files, monkeypatch):
    resolved = retraining.read_resolved(files)
    older = replace(resolved, versions={**resolved.versions, "jax": "0.4.0"})
    monkeypatch.setattr(retraining, "read_resolved", lambda _: older)
    with pytest.raises(
        UnsupportedError, match=r"a was trained with jax 0\.4\.0 \(now .*install these versions"
    ):
        again(files, 1)


def test_other_data_are_refused(files, monkeypatch):
    resolved = retraining.read_resolved(files)
    other = replace(resolved, data=replace(resolved.data, fingerprint="0"))
    monkeypatch.setattr(retraining, "read_resolved", lambda _: other)
    with pytest.raises(StudyMismatchError, match="the data of 'a' have changed"):
        again(files, 1)


@pytest.mark.parametrize(("difference", "code"), [(None, 0), ("epoch 1: loss is 1.0 in the log", 1)])
def test_the_command_tells_what_came_of_it(difference, code, files, monkeypatch):
    asked = []

    def retrained(part, count, data_dir) -> Iterator[Retrained]:
        asked.append((count, data_dir))
        yield Retrained(0, 2, difference)

    monkeypatch.setattr(retraining, "retrain", retrained)
    result = here("check", "a", "--retrain", "2", cwd=files.out)
    assert result.returncode == code
    word = "same   " if difference is None else "DIFFERS"
    assert f"{word}  " in result.stdout
    assert {count for count, _ in asked} == {2}


def test_without_being_asked_for_nothing_is_trained(files, monkeypatch):
    monkeypatch.setattr(retraining, "retrain", None)
    assert here("check", "a", cwd=files.out).returncode == 0


def test_versions_of_backends_that_the_study_does_not_use_do_not_matter(files, monkeypatch):
    resolved = retraining.read_resolved(files)
    other = replace(resolved, versions={**resolved.versions, "tensorflow": "2.1.0", "torch": "1.0"})
    monkeypatch.setattr(retraining, "read_resolved", lambda _: other)
    assert [found.difference for found in again(files, 1)] == [None]


def test_training_that_ends_earlier_is_told(files, monkeypatch):
    record = read_record(files)
    trial = record.trials[0]
    longer = replace(trial, epochs=3)
    monkeypatch.setattr(retraining, "read_record", lambda _: replace(record, trials=(longer,)))
    (found,) = again(files, 1)
    assert found.epochs == 2
    assert found.difference == "the training ended after epoch 2, and has 3 epochs in the log"
