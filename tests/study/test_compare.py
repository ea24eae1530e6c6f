"""`hpsearch compare`: arms on common seeds, in every number the same however often it was killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from support.commands import ended, run, started, succeed, succeed_here, wait_until, write_study

pytestmark = pytest.mark.long

STUDY: dict[str, Any] = {
    "name": "c",
    "data": {"sklearn": "digits", "subset": 300, "rescale": "1/16"},
    "model": {"mlp": {"hidden": [16], "activation": {"choice": ["relu", "tanh"]}}},
    "training": {"learning_rate": 0.01, "epochs": 3, "batch_size": 32},
    "compare": {
        "factors": ["activation"],
        "replicates": 3,
        "arms": {
            "twin of relu": {"model.mlp.activation": "relu"},
            "zeros": {"model.mlp.initializer": "zeros", "training.optimizer": "sgd"},
            "wide": {"model.mlp.hidden": [32, 16]},
            "diverging": {"training.learning_rate": 1e30, "training.optimizer": "sgd"},
        },
        "claims": [
            {"says": "zeros do not learn", "arm": "zeros", "by": "val_accuracy", "between": [0, 0.2]},
            {"says": "zeros are as good", "better": "zeros", "than": "relu"},
        ],
    },
}
FILES = Path("runs", "c", "compare")


def results(directory: Path) -> dict[str, Any]:
    printed = succeed("compare", "c.yaml", "--format", "json", cwd=directory).stdout
    told: dict[str, Any] = json.loads(printed)
    return told


def runs(directory: Path) -> list[dict[str, Any]]:
    """Give every number of the runs but the seconds."""
    told = json.loads(succeed("trials", "c", "--format", "json", cwd=directory).stdout)
    return [{name: value for name, value in one.items() if name != "seconds"} for one in told]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("compared")
    write_study(directory / "c.yaml", STUDY)
    succeed("compare", "c.yaml", cwd=directory)
    return directory


class TestFinished:
    def test_every_arm_has_every_seed(self, finished: Path) -> None:
        trials = runs(finished)
        names = ["relu", "tanh", *STUDY["compare"]["arms"]]
        assert [(t["parameters"]["arm"], t["parameters"]["replicate"]) for t in trials] == [
            (name, replicate) for replicate in range(3) for name in names
        ]
        assert [t["seed"] for t in trials] == [t["seed"] for t in trials[::6] for _ in names]
        assert len({t["seed"] for t in trials}) == 3

    def test_arms_of_one_configuration_are_equal_bit_for_bit(self, finished: Path) -> None:
        values = {(t["parameters"]["arm"], t["parameters"]["replicate"]): t["value"] for t in runs(finished)}
        assert [values["relu", r] for r in range(3)] == [values["twin of relu", r] for r in range(3)]
        assert len({values["relu", r] for r in range(3)}) == 3

    def test_the_numbers_are_those_of_scipy(self, finished: Path) -> None:
        values: dict[str, list[float]] = {}
        for trial in runs(finished):
            values.setdefault(trial["parameters"]["arm"], []).append(trial["value"])
        arms = {arm["name"]: arm for arm in results(finished)["arms"]}
        for name in ("tanh", "wide"):
            mean = sum(values[name]) / 3
            low, high = stats.t.interval(0.95, 2, mean, stats.sem(values[name]))
            assert arms[name]["best"]["mean"] == pytest.approx(mean)
            assert (arms[name]["best"]["low"], arms[name]["best"]["high"]) == pytest.approx((low, high))
            paired = stats.ttest_rel(values[name], values["relu"])
            found = arms[name]["standing"]["difference"]["estimate"]
            assert (found["low"], found["high"]) == pytest.approx(tuple(paired.confidence_interval(0.95)))

    def test_a_failed_arm_is_told_and_is_not_among_the_best(self, finished: Path) -> None:
        told = results(finished)
        (failed,) = (arm for arm in told["arms"] if arm["name"] == "diverging")
        assert failed["best"]["mean"] is None
        assert failed["best"]["failed"] == 3
        assert "diverging" not in told["tied"]

    def test_claims_are_judged(self, finished: Path) -> None:
        assert [claim["verdict"] for claim in results(finished)["claims"]] == ["holds", "does not hold"]

    def test_other_commands_know_it(self, finished: Path) -> None:
        assert "c (comparison): 18 of 18" in succeed("status", "c", cwd=finished).stdout
        assert "comparison" in succeed("list", cwd=finished).stdout
        assert "DAMAGED" not in succeed("check", "c", cwd=finished).stdout
        assert succeed("report", "c", cwd=finished).stdout.strip() == str(Path("reports", "c-compare.html"))
        assert "is a comparison" in run("best", "c", cwd=finished).stderr

    def test_the_terminal_gives_the_answer(self, finished: Path) -> None:
        told = succeed("compare", "c.yaml", cwd=finished).stdout
        assert "holds: zeros do not learn" in told
        assert told.splitlines()[-1] == f"report: {Path('reports', 'c-compare.html')}"


def test_more_replicates_go_on(finished: Path, tmp_path: Path) -> None:
    write_study(tmp_path / "c.yaml", {**STUDY, "compare": {**STUDY["compare"], "replicates": 2}})
    succeed("compare", "c.yaml", cwd=tmp_path)
    succeed("compare", "c.yaml", "--replicates", "3", cwd=tmp_path)
    assert runs(tmp_path) == runs(finished)


@pytest.mark.parametrize("signals", [(signal.SIGKILL, signal.SIGTERM), (signal.SIGINT, signal.SIGKILL)])
def test_killed_and_run_again_it_is_the_same(
    signals: tuple[signal.Signals, ...], finished: Path, tmp_path: Path
) -> None:
    write_study(tmp_path / "c.yaml", STUDY)
    for count, number in enumerate(signals):
        with started("compare", "c.yaml", cwd=tmp_path) as process:
            wait_until(lambda before=4 * count: len(ended(tmp_path / FILES)) > before, process)
            os.kill(process.pid, number)
            process.wait()
    succeed("compare", "c.yaml", cwd=tmp_path)
    assert runs(tmp_path) == runs(finished)


class TestChangedStudyFile:
    def test_other_arms_are_refused(self, finished: Path) -> None:
        changed = ("--set", "compare.arms.zeros={model.mlp.initializer: ones}")
        refused = run("compare", "c.yaml", *changed, cwd=finished)
        assert refused.returncode == 2
        assert "compare.arms.zeros" in refused.stderr

    def test_an_arm_more_is_refused(self, finished: Path) -> None:
        assert run("compare", "c.yaml", "--set", "compare.arms.more={}", cwd=finished).returncode == 2

    def test_other_claims_are_judged(self, finished: Path) -> None:
        claim = "compare.claims=[{says: x, better: relu, than: zeros}]"
        told = succeed("compare", "c.yaml", "--set", claim, "--format", "json", cwd=finished).stdout
        assert [one["verdict"] for one in json.loads(told)["claims"]] == ["holds"]


def test_a_search_and_a_comparison_of_one_study_do_not_meet(finished: Path, tmp_path: Path) -> None:
    write_study(tmp_path / "c.yaml", {**STUDY, "search": {"trials": 2, "sampler": "grid"}})
    succeed_here("compare", "c.yaml", cwd=tmp_path)
    succeed_here("optimize", "c.yaml", cwd=tmp_path)
    succeed_here("optimize", "c.yaml", "--new", cwd=tmp_path)
    assert len(ended(tmp_path / FILES)) == 18
    assert len(ended(tmp_path / "runs" / "c")) == 2
    told = succeed("status", "c", cwd=tmp_path).stdout
    assert "c: 2 of 2" in told
    assert "c (comparison): 18 of 18" in told
    succeed("delete", "c", "--yes", cwd=tmp_path)
    assert [path.name for path in (tmp_path / "reports").iterdir()] == []
    assert list((tmp_path / "runs").iterdir()) == []
