"""What scripts hear through the logger of the library, and what they are not bothered with."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import hpsearch
from support.commands import STUDY, python

pytestmark = pytest.mark.slow

QUIET = """
import hpsearch
study = {study!r}
hpsearch.optimize(study, progress=False)
open("runs/a/study.yaml", "a").write("damage")
hpsearch.optimize(study, progress=False, trials=3)
"""


def heard(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    found = [r.getMessage() for r in caplog.records if (r.name, r.levelno) == ("hpsearch", level)]
    caplog.clear()
    return found


@pytest.mark.filterwarnings("default")
def test_starts_resumes_ends_and_warnings_are_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "runs" / "a"
    with caplog.at_level(logging.INFO, "hpsearch"):
        study = hpsearch.optimize(STUDY, engine="in_process", progress=False)
        assert heard(caplog, logging.INFO) == [
            f"optimize a: started in {directory}",
            "sampler: hierarchical_tpe, because the space has no conditions, and is larger than the number of trials",
            "optimize a: ended (finished), 2 trials",
        ]
        assert study.outcome == "finished"
        with (directory / "study.yaml").open("a") as file:
            file.write("damage")
        hpsearch.optimize(STUDY, engine="in_process", progress=False, trials=3)
        records = caplog.records.copy()
        assert heard(caplog, logging.INFO) == [
            f"optimize a: resumed in {directory}",
            "optimize a: ended (finished), 3 trials",
        ]
        warned = [record.getMessage() for record in records if record.levelno == logging.WARNING]
        assert warned == [f"{directory / 'study.yaml'} is damaged: using its copy"]


@pytest.mark.long
def test_a_script_that_asks_for_nothing_prints_nothing(tmp_path: Path) -> None:
    done = python(QUIET.format(study=STUDY), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
