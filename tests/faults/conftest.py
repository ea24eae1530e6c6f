"""What the tests of faults begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.damage import begin


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the directory of a study that was stopped with trials under way."""
    out = tmp_path_factory.mktemp("begun")
    begin(out)
    return out
