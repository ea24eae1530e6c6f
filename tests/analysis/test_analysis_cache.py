"""What takes long is computed once for a record, and again when anything about it is not as it was."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from hpsearch.analysis import analyze, find_influence
from hpsearch.analysis.influence import cache
from hpsearch.analysis.influence.fanova import cost
from hpsearch.store.layout import StudyFiles
from support.formulas import formula_record


@pytest.fixture
def made(monkeypatch):
    """List the records for which something was computed."""
    seen = []
    for name in ("judge_influence", "judge_by_fanova"):
        real = getattr(cache, name)
        monkeypatch.setattr(
            cache, name, lambda record, real=real, **more: (seen.append(record), real(record, **more))[1]
        )
    return seen


@pytest.fixture
def files(tmp_path):
    return StudyFiles(tmp_path, "cube")


@pytest.fixture(scope="module")
def record():
    return formula_record(16, lambda v: v["x0"] + v["x1"], failing=lambda v: v["x2"] > 0.9)


def test_a_second_look_is_quick_and_the_same(record, files, made):
    first = find_influence(record, files)
    begun = time.process_time()
    assert find_influence(record, files) == first
    assert time.process_time() - begun < 0.5
    assert len(made) == 1
    assert analyze(record, influence=first) == analyze(record)


def test_it_holds_every_kind_of_value(synthetic, files, made):
    record = synthetic.record_of(60)
    first, second = find_influence(record, files), find_influence(record, files)
    assert first == second
    assert len(made) == 1
    levels = {effect.name: effect.levels for effect in second.effects.parameters}
    assert [type(level.at) for level in levels["dropout"]] == [float] * 13
    assert [level.at for level in levels["batch_norm"]] == ["none", "before_activation", "after_activation"]


@pytest.mark.parametrize(
    "change",
    [
        lambda record: replace(record, trials=record.trials[:-1]),
        lambda record: replace(record, trials=(replace(record.trials[0], value=9.0), *record.trials[1:])),
        lambda record: replace(
            record, trials=(replace(record.trials[0], state="failed", value=None), *record.trials[1:])
        ),
        lambda record: replace(
            record,
            spec=record.spec.model_copy(update={"search": record.spec.search.model_copy(update={"seed": 1})}),
        ),
    ],
)
def test_another_record_is_computed_again(record, files, made, change):
    find_influence(record, files)
    changed = change(record)
    found = find_influence(changed, files)
    assert made == [record, changed]
    assert found == cache.judge_influence(changed)


def test_a_trial_that_is_still_running_changes_nothing(synthetic, record, files, made):
    find_influence(record, files)
    under_way = replace(record.trials[0], number=60, state="running", value=None, history={})
    find_influence(replace(record, trials=(*record.trials, under_way)), files)
    assert len(made) == 1


def test_another_version_computes_again(record, files, made, monkeypatch):
    find_influence(record, files)
    monkeypatch.setattr(cache, "__version__", "99")
    find_influence(record, files)
    assert len(made) == 2


def flip(content, place):
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: b"[]\n[]\n",
        lambda content: b"\xff" * 100,
        lambda content: flip(content, 300),
        lambda content: flip(content, len(content) - 40),
        lambda content: content.replace(b'"share"', b'"shore"'),
    ],
)
def test_a_damaged_file_is_computed_and_written_again(record, files, made, damage):
    first = find_influence(record, files)
    whole = files.influence.read_bytes()
    files.influence.write_bytes(damage(whole))
    assert find_influence(record, files) == first
    assert len(made) == 2
    assert files.influence.read_bytes() == whole


def test_what_cannot_be_written_costs_only_time(record, tmp_path, made):
    (tmp_path / "runs").write_text("a file where the directory would be")
    found = find_influence(record, StudyFiles(tmp_path, "cube"))
    assert found.importance.parameters
    assert len(made) == 1


def test_fanova_announces_its_cost_once_and_is_kept(record, files, made):
    told = []
    first = find_influence(record, files, "fanova", told.append)
    second = find_influence(record, files, "fanova", told.append)
    assert first == second
    completed = sum(trial.state == "complete" for trial in record.trials)
    assert told == [f"fANOVA over {completed} completed trials takes about 1 s; the result is saved"]
    assert first.importance.method == "fanova"
    assert first.effects == find_influence(record, files).effects
    assert find_influence(record, files).importance.method == "ped_anova"
    assert len(made) == 2


@pytest.mark.parametrize(("trials", "told"), [(1000, "50 s"), (5000, "16 min")])
def test_the_cost_is_what_was_measured(trials, told):
    assert told in cost(trials)


def test_what_does_not_run_is_not_announced(files):
    announced = []
    found = find_influence(formula_record(5, lambda v: v["x0"]), files, "fanova", announced.append)
    assert "Too few trials" in found.importance.reason
    assert announced == []
