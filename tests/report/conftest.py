"""Fixtures: records made from a formula."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "analysis"))


@pytest.fixture(scope="session")
def synthetic() -> ModuleType:
    """Give the maker of records, whichever way pytest imports test modules."""
    import synthetic

    return synthetic
