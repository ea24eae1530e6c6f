"""Studies that an earlier version began go on to the same bits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.commands import environment

pytestmark = pytest.mark.long

BEGUN = Path(__file__).parents[1] / "begun"
EXPECTED: dict[str, Any] = json.loads((BEGUN / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in EXPECTED if name != "machine"])
def test_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    shutil.copytree(BEGUN / name, tmp_path, dirs_exist_ok=True)
    before = sum(len(path.read_text().splitlines()) for path in tmp_path.rglob("ticks.jsonl"))
    command = [sys.executable, str(BEGUN / "make.py"), name, str(tmp_path)]
    told = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=180, check=False
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout.splitlines()[-1])
    after = sum(len(path.read_text().splitlines()) for path in tmp_path.rglob("ticks.jsonl"))
    assert after > before, "nothing was left to do"
    assert len(found["decided"]) == len(EXPECTED[name])
    assert not list(tmp_path.rglob("*.damaged"))
    if found["machine"] != EXPECTED["machine"]:
        pytest.skip(
            f"bits depend on the processor and the libraries: they are those of {EXPECTED['machine']}"
        )
    assert found["decided"] == EXPECTED[name]
