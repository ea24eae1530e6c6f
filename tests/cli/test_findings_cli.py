"""Studies that cannot learn, trained for real: each ends with a sentence that says what happened."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from hpsearch.store.layout import StudyFiles
from hpsearch.store.reading import read_record
from support.commands import run, succeed, succeed_here, write_study

pytestmark = pytest.mark.long

ADAM = {"optimizer": "adam", "learning_rate": 0.003, "epochs": 3, "batch_size": 128}


def study(mlp: dict[str, Any], training: dict[str, Any], trials: int = 1) -> dict[str, Any]:
    search = {"trials": trials, "sampler": "random"}
    return {
        "name": "s",
        "data": "sklearn:digits",
        "model": {"mlp": mlp},
        "training": training,
        "search": search,
    }


def last_line(directory: Path, raw: dict[str, Any]) -> str:
    write_study(directory / "s.yaml", raw)
    return succeed_here("optimize", "s.yaml", cwd=directory).stdout.rstrip("\n").splitlines()[-1]


def findings_of(directory: Path) -> str:
    """Give the text of the section on findings in the report."""
    text = (directory / "reports" / "s.html").read_text(encoding="utf-8")
    section = text.partition('<section id="wrong"')[2].partition("</section>")[0]
    return unescape(re.sub(r"<[^>]+>", " ", section))


CASES = {
    "zeros": (
        study({"hidden": [32, 16], "initializer": "zeros"}, ADAM),
        (
            "1 trial did not learn: the loss never fell below 2.3",
            "symmetry at the initial weights of trial 0",
        ),
    ),
    "a hundred sigmoid layers": (
        study({"layers": 100, "units": 8, "activation": "sigmoid"}, {**ADAM, "epochs": 2}),
        ("1 trial did not learn", "vanishing gradient at the initial weights of trial 0", "falls from"),
    ),
    "a learning rate of 100": (
        study({"hidden": [32, 16]}, {**ADAM, "optimizer": "sgd", "learning_rate": 100}),
        ("the loss exploded in 1 trial", "with a learning rate of 100", "a lower learning rate may help"),
    ),
}


@pytest.mark.parametrize(("raw", "told"), CASES.values(), ids=CASES)
def test_a_study_that_cannot_learn_ends_with_the_reason(
    raw: dict[str, Any], told: tuple[str, ...], tmp_path: Path
) -> None:
    line = last_line(tmp_path, raw)
    for words in told:
        assert words in line
    text = findings_of(tmp_path)
    assert line in text
    assert "No trial learned." in text


def test_with_probes_the_log_has_what_was_seen(tmp_path: Path) -> None:
    raw = study({"hidden": [16, 8]}, {**ADAM, "clipping": {"global_clipnorm": 1e-4}, "epochs": 4})
    raw["search"]["probes"] = "on"
    last_line(tmp_path, raw)
    record = read_record(StudyFiles(tmp_path, "s"))
    (trial,) = record.trials
    assert record.decisions.probes is True
    assert list(trial.probes) == [1, 2, 4]
    assert all(probe.clipped for probe in trial.probes.values())
    assert [layer.name for layer in trial.probes[4].layers] == ["hidden_1", "hidden_2", "output"]
    assert "the threshold of 0.0001 clipped the gradient in every probe of trial 0" in findings_of(tmp_path)


def test_a_healthy_study_has_no_such_finding(tmp_path: Path) -> None:
    rate, schedule = {"log_uniform": [0.008, 0.012]}, "cosine"
    raw = study(
        {"hidden": [32]}, {**ADAM, "learning_rate": rate, "schedule": schedule, "epochs": 30}, trials=3
    )
    line = last_line(tmp_path, raw)
    assert line.startswith("report: ")
    assert "No problems were found in the trials" in findings_of(tmp_path)
    assert not (tmp_path / "runs" / "s" / "probes.npz").exists()
    # So short a study is not looked into unless its file asks for it.
    assert read_record(StudyFiles(tmp_path, "s")).decisions.probes is False


def test_trials_are_one_finding_and_a_new_report_says_it_again(tmp_path: Path) -> None:
    initializer, rate = {"choice": ["zeros", "he_normal"]}, {"choice": [0.003, 0.004, 1e30]}
    mlp = {"hidden": [32, 16], "activation": "linear", "initializer": initializer}
    raw = study(mlp, {**ADAM, "optimizer": "sgd", "learning_rate": rate}, trials=5)
    tried = [
        ("zeros", 0.003),
        ("he_normal", 0.003),
        ("zeros", 0.004),
        ("he_normal", 0.004),
        ("he_normal", 1e30),
    ]
    raw["search"]["enqueue"] = [{"initializer": name, "learning_rate": one} for name, one in tried]
    assert re.fullmatch(r"report: .*s\.html   \(\d findings\)", last_line(tmp_path, raw))
    told = findings_of(tmp_path)
    assert "2 trials did not learn" in told
    assert "symmetry at the initial weights of trial 0" in told
    assert re.search(
        r"1 trial diverged: .* \(epoch 1, step \d, first in layer (hidden_1|hidden_2|output)\)", told
    )
    assert "the largest gradient of the previous step was in" in told
    assert "no trial with a learning rate up to 0.004 did" in told
    assert "No trial learned" not in told
    report = tmp_path / "reports" / "s.html"
    first = report.read_bytes()
    report.unlink()
    succeed("report", "s", cwd=tmp_path)
    assert report.read_bytes() == first
    assert re.search(r"intact +\S+probes.npz  probes of 1 trials", succeed("check", "s", cwd=tmp_path).stdout)
    probes = tmp_path / "runs" / "s" / "probes.npz"
    probes.write_bytes(probes.read_bytes()[:-9])
    damaged = run("check", "s", cwd=tmp_path)
    assert damaged.returncode == 1
    assert "hpsearch optimize measures again" in damaged.stdout
