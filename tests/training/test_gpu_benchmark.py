"""The benchmark of an accelerator runs on a CPU, small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import environment

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.mark.long
def test_it_runs_on_whatever_device_there_is(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    command = [sys.executable, str(SCRIPT), "--quick", "--minutes", "10", "--out", str(out)]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=600)
    found = json.loads(out.read_text())
    assert found["contract"]["holds"], found["contract"]
    assert found["task a"]["hpsearch"]["seconds"] > 0 < found["task a"]["fit"]["one_more"]
    assert found["width 4"]["member_epoch_ms"] > 0
    assert found["devices"]
