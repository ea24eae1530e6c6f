"""What happens to the best trials of a search before one of them is called the winner."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from hpsearch.report.words.numbers import short as written
from support.commands import ended, run, started, succeed, succeed_here, wait_until, write_study

pytestmark = pytest.mark.slow

STUDY: dict[str, Any] = {
    "name": "a",
    "data": {"sklearn": "digits", "subset": 400, "rescale": "1/16"},
    "model": {"mlp": {"hidden": [16], "dropout": {"uniform": [0.0, 0.5]}}},
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 3, "batch_size": 32},
    "search": {"trials": 8, "sampler": "random"},
    "confirm": {"finalists": 3, "replicates": 4},
}
FILES = Path("runs", "a", "confirm")


def replicates(directory: Path) -> list[dict[str, Any]]:
    """Give every number of the replicates but the seconds."""
    told = json.loads(succeed("trials", "a", "--replicates", "--format", "json", cwd=directory).stdout)
    return [{name: value for name, value in one.items() if name != "seconds"} for one in told]


def trials(directory: Path) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(succeed("trials", "a", "--format", "json", cwd=directory).stdout)
    return told


def best(directory: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(succeed("best", "a", "--format", "json", cwd=directory).stdout)
    return told


def by_finalist(directory: Path) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = {}
    for one in replicates(directory):
        found.setdefault(one["parameters"]["arm"], {})[one["parameters"]["replicate"]] = one["value"]
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("confirmed")
    write_study(directory / "a.yaml", STUDY)
    (directory / "printed").write_text(succeed("optimize", "a.yaml", cwd=directory).stdout)
    return directory


class TestFinished:
    def test_the_finalists_are_the_best_trials(self, finished: Path) -> None:
        ranking = sorted(trials(finished), key=lambda trial: trial["value"])
        assert set(by_finalist(finished)) == {f"trial {trial['number']}" for trial in ranking[:3]}

    def test_they_are_no_trials_of_the_search(self, finished: Path) -> None:
        assert len(trials(finished)) == 8
        assert 6 <= len(replicates(finished)) <= 12

    def test_all_meet_the_same_fresh_seeds(self, finished: Path) -> None:
        seeds: dict[int, set[int]] = {}
        for one in replicates(finished):
            seeds.setdefault(one["parameters"]["replicate"], set()).add(one["seed"])
        assert all(len(own) == 1 for own in seeds.values())
        fresh = set.union(*seeds.values())
        assert len(fresh) == len(seeds)
        assert not fresh & {trial["seed"] for trial in trials(finished)}

    def test_the_winner_has_the_best_mean(self, finished: Path) -> None:
        values = by_finalist(finished)
        most = max(map(len, values.values()))
        means = {name: sum(own.values()) / most for name, own in values.items() if len(own) == most}
        told = best(finished)
        assert f"trial {told['number']}" == min(means, key=means.__getitem__)
        assert told["confirmation"]["winner"] == told["number"]

    def test_differences_are_those_of_scipy(self, finished: Path) -> None:
        values, told = by_finalist(finished), best(finished)
        winner = values[f"trial {told['number']}"]
        for standing in told["confirmation"]["conclusion"]["standings"]:
            own = values[standing["name"]]
            if standing["difference"] is None or len(own) < 3:
                continue
            common = [n for n in own if n in winner]
            paired = stats.ttest_rel([own[n] for n in common], [winner[n] for n in common])
            found = standing["difference"]["estimate"]
            assert (found["low"], found["high"]) == pytest.approx(tuple(paired.confidence_interval(0.95)))

    def test_the_model_is_the_median_replicate(self, finished: Path) -> None:
        told = best(finished)
        named, own = told["confirmation"]["named"], by_finalist(finished)[f"trial {told['number']}"]
        assert named["value"] == sorted(own.values())[(len(own) - 1) // 2]
        assert own[named["replicate"]] == named["value"]

    def test_the_terminal_and_the_report_say_the_same(self, finished: Path) -> None:
        told = best(finished)
        winner = f"The winner is the configuration of trial {told['number']}"
        lines = (finished / "printed").read_text().splitlines()
        assert len(lines[[line.startswith("finished: the budget") for line in lines].index(True) :]) <= 5
        conclusion = told["confirmation"]["conclusion"]
        score, mean = conclusion["cross_validated_score"], conclusion["standings"][0]["estimate"]
        numbers = [
            f"{name} {written(one['mean'])} over {one['count']} fresh seeds (95 % interval {written(one['low'])} to "
            f"{written(one['high'])})"
            for name, one in (("cross-validated val_loss", score), ("mean", mean))
        ]
        sentence = f"{winner}: {', '.join(numbers)}; lower is better"
        assert any(line.startswith(sentence) for line in lines)
        assert f"# {sentence}" in succeed("best", "a", cwd=finished).stdout
        assert sentence in (finished / "reports" / "a.html").read_text()

    def test_the_numbers_of_the_report_are_those_of_the_other_commands(self, finished: Path) -> None:
        told = json.loads(succeed("report", "a", "--format", "json", cwd=finished).stdout)["search"]
        listed = {trial["number"]: trial for trial in trials(finished)}
        assert len(told["ranking"]) == len(listed) == told["counts"]["trials"]
        for row in told["ranking"]:
            assert {name: row[name] for name in listed[row["number"]]} == listed[row["number"]]
        found = best(finished)
        assert told["verdict"] == found["confirmation"]
        assert told["winner"]["number"] == found["number"]
        assert told["winner"]["configuration"] == {key: found["study"][key] for key in ("model", "training")}
        own = by_finalist(finished)[f"trial {found['number']}"]
        assert {one["replicate"]: one["best"] for one in told["winner"]["replicates"]} == own

    def test_every_file_is_whole(self, finished: Path) -> None:
        told = succeed("check", "a", cwd=finished).stdout
        assert "DAMAGED" not in told
        assert str(FILES / "ticks.jsonl") in told


def test_the_model_reproduces_the_score_of_its_replicate(finished: Path) -> None:
    import keras
    import numpy as np

    from hpsearch.data import load_dataset
    from hpsearch.spec import load_study_file

    dataset = load_dataset(load_study_file(finished / "a.yaml").spec.data, finished)
    raw = dataset.splits[0].validation
    model = keras.saving.load_model(finished / "runs" / "a" / "best.keras", safe_mode=True)
    probabilities = model.predict(raw.x * 16, verbose=0)
    loss = -np.log(probabilities[np.arange(len(raw.y)), raw.y]).mean()
    assert loss == pytest.approx(best(finished)["confirmation"]["named"]["value"], rel=1e-4)


@pytest.mark.long
def test_killed_while_it_confirms_it_ends_the_same(finished: Path, tmp_path: Path) -> None:
    write_study(tmp_path / "a.yaml", STUDY)
    for before, number in enumerate((signal.SIGKILL, signal.SIGINT)):
        with started("optimize", "a.yaml", cwd=tmp_path) as process:
            wait_until(lambda before=2 * before: len(ended(tmp_path / FILES)) > before, process)
            os.kill(process.pid, number)
            process.wait()
    succeed("optimize", "a.yaml", cwd=tmp_path)
    assert replicates(tmp_path) == replicates(finished)
    assert best(tmp_path)["confirmation"] == best(finished)["confirmation"]


def test_a_larger_budget_goes_on(tmp_path: Path) -> None:
    study = {**STUDY, "confirm": {"finalists": 2, "replicates": 2}}
    write_study(tmp_path / "a.yaml", study)
    succeed_here("optimize", "a.yaml", cwd=tmp_path)
    first = by_finalist(tmp_path)
    told = succeed_here("confirm", "a.yaml", "--replicates", "5", cwd=tmp_path).stdout
    assert "confirming 2 finalists in at most 10 runs" in told
    later = by_finalist(tmp_path)
    for name, values in first.items():
        assert values.items() <= later[name].items()
    assert sum(map(len, later.values())) > sum(map(len, first.values()))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory of a search of two trials, of which one was confirmed."""
    directory = tmp_path_factory.mktemp("short")
    study = {
        **STUDY,
        "search": {"trials": 2, "sampler": "random"},
        "confirm": {"finalists": 1, "replicates": 2},
    }
    write_study(directory / "a.yaml", study)
    succeed_here("optimize", "a.yaml", cwd=directory)
    return directory


def test_new_finalists_are_confirmed_anew(short: Path, tmp_path: Path) -> None:
    shutil.copytree(short, tmp_path, dirs_exist_ok=True)
    (first,) = by_finalist(tmp_path)
    told = succeed_here("optimize", "a.yaml", "--trials", "8", cwd=tmp_path).stdout
    (later,) = by_finalist(tmp_path)
    assert later != first
    assert "the search has other finalists now" in told


def test_killed_while_it_removes_old_replicates_it_begins_anew(short: Path, tmp_path: Path) -> None:
    shutil.copytree(short, tmp_path, dirs_exist_ok=True)
    (first,) = by_finalist(tmp_path)
    for name in ("study.yaml", "study.copy.yaml"):
        (tmp_path / FILES / name).unlink()
    succeed_here("optimize", "a.yaml", "--trials", "8", cwd=tmp_path)
    (later,) = by_finalist(tmp_path)
    assert later != first


class TestBudget:
    def test_by_default_it_costs_a_fifth_of_the_search(self, tmp_path: Path) -> None:
        study = {name: section for name, section in STUDY.items() if name != "confirm"}
        write_study(tmp_path / "a.yaml", {**study, "search": {"trials": 15, "sampler": "random"}})
        succeed_here("optimize", "a.yaml", cwd=tmp_path)
        spent = sum(trial["epochs"] for trial in trials(tmp_path))
        assert 0 < sum(one["epochs"] for one in replicates(tmp_path)) <= 0.2 * spent

    @pytest.mark.parametrize("confirm", ["none", None])
    def test_none_or_too_little_to_pay_for_it(self, confirm: str | None, tmp_path: Path) -> None:
        study = {name: section for name, section in STUDY.items() if name != "confirm"}
        given = {} if confirm is None else {"confirm": confirm}
        trials = 8 if confirm else 3
        write_study(tmp_path / "a.yaml", {**study, **given, "search": {"trials": trials}})
        succeed_here("optimize", "a.yaml", cwd=tmp_path)
        assert not (tmp_path / FILES).exists()
        assert best(tmp_path)["confirmation"] is None
        assert "no replicates" in run("trials", "a", "--replicates", cwd=tmp_path).stderr


def test_there_is_nothing_to_confirm_before_a_search(tmp_path: Path) -> None:
    write_study(tmp_path / "a.yaml", STUDY)
    refused = run("confirm", "a.yaml", cwd=tmp_path)
    assert refused.returncode == 2
    assert "hpsearch optimize" in refused.stderr


class TestWhatItSaysOfItself:
    """A confirmation that the budget cuts short, or leaves out, says so wherever the winner is named."""

    @staticmethod
    def of(directory: Path, trials: int, **more: Any) -> str:
        study = {**STUDY, "training": {**STUDY["training"], "epochs": 1}, **more}
        study["search"] = {**STUDY["search"], "trials": trials}
        if "confirm" not in more:
            del study["confirm"]
        write_study(directory / "a.yaml", study)
        return succeed_here("optimize", "a.yaml", cwd=directory).stdout

    def test_too_short_a_search_pays_for_no_run(self, tmp_path: Path) -> None:
        told = self.of(tmp_path, 8)
        why = "no confirmation: confirm.share, 0.2 of the 8 epochs of the search, covers 1 run of 25"
        assert why in told
        assert "; hpsearch confirm a.yaml --set confirm.share=3.2 covers all" in told
        assert why in succeed_here("best", "a", cwd=tmp_path).stdout
        plan = json.loads(succeed_here("best", "a", "--format", "json", cwd=tmp_path).stdout)["plan"]
        assert plan == {
            "asked": 5, "finalists": 5, "replicates": 5, "wanted": 25, "runs": 1, "first": 1, "share": 0.2,
            "enough": 3.2, "epochs": 8,
        }  # fmt: skip
        page = (tmp_path / "reports" / "a.html").read_text()
        assert why[1:] in page
        assert "hpsearch confirm a.yaml --set confirm.share=3.2" in page
        # What it advises does what it says.
        told = succeed_here("confirm", "a.yaml", "--set", "confirm.share=3.2", cwd=tmp_path).stdout
        assert "confirming 5 finalists in at most 25 runs" in told

    def test_a_budget_of_three_runs_reaches_one_finalist(self, tmp_path: Path) -> None:
        told = self.of(tmp_path, 15)
        assert (
            "confirming 1 of 5 finalists in at most 3 runs, because confirm.share, 0.2 of the 15 epochs"
            in told
        )
        assert (
            "Only this one of 5 finalists was trained again: the budget of 3 runs did not cover the" in told
        )
        assert len(by_finalist(tmp_path)) == 1
        page = (tmp_path / "reports" / "a.html").read_text()
        assert "unknown: 4 other finalists got no replicate" in page
        confirmation = best(tmp_path)["confirmation"]
        assert (confirmation["finalists"], confirmation["runs"]) == (5, 3)

    def test_none_that_was_asked_for_is_said_too(self, tmp_path: Path) -> None:
        why = "no confirmation: the study file asks for no finalists"
        assert why in self.of(tmp_path, 2, confirm="none")
        told = self.of(tmp_path / "one", 2, confirm={"finalists": 1, "replicates": 1})
        assert "no confirmation: a single run of a single finalist would add no information" in told
