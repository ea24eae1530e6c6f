"""What people tune in published scripts, as study files: each runs two trials, or says what to do instead."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from situations.data import make
from support.commands import here, succeed_here

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
REFUSED = {
    "19_a_table_without_names": "The first line holds numbers: it must hold the names of the columns",
}
"""Situations that are refused, and what is said of them."""

STUDIES = sorted(path.stem for path in (HERE / "studies").glob("*.yaml"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("situations")
    make(directory)
    shutil.copy(HERE / "models.py", directory)
    for path in (HERE / "studies").iterdir():
        shutil.copy(path, directory)
    return directory


def test_all_thirty_are_there_and_most_need_no_python():
    assert [int(name.split("_")[0]) for name in STUDIES] == list(range(1, 31))
    in_yaml = [name for name in STUDIES if "python:" not in (HERE / "studies" / f"{name}.yaml").read_text()]
    assert len(in_yaml) > 15
    assert len(REFUSED) <= 3


@pytest.mark.parametrize("name", [name for name in STUDIES if name not in REFUSED])
def test_a_situation_runs(name: str, place: Path):
    succeed_here("optimize", f"{name}.yaml", "--data-dir", ".", cwd=place)
    study = name.partition("_")[2]
    best = json.loads(succeed_here("best", study, "--format", "json", cwd=place).stdout)
    trials = (place / "runs" / study / "trials.csv").read_text().splitlines()
    assert len(trials) == 3
    assert math.isfinite(best["value"])
    assert (place / "runs" / study / "best.keras").exists()
    assert (place / "reports" / f"{study}.html").exists()


@pytest.mark.parametrize("name", REFUSED)
def test_a_situation_is_refused_with_what_to_do(name: str, place: Path):
    result = here("optimize", f"{name}.yaml", "--data-dir", ".", cwd=place)
    assert result.returncode != 0
    assert REFUSED[name] in result.stderr
    assert "Traceback" not in result.stderr
