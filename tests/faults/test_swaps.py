"""A file of another study in the place of one's own is told, whatever file it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.swaps import Studies, Swap, swaps_of, try_swaps

pytestmark = pytest.mark.long

TWIN = "another seed"

CHOSEN = ("ticks.jsonl", "study.copy.yaml", "best.keras", "refit.json", "confirm/study.yaml")
"""Files in whose place a small study's others were taken, each in another way."""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Studies:
    """Run the studies whose files are swapped."""
    made = Studies(tmp_path_factory.mktemp("swaps"))
    made.begin([TWIN])
    return made


def test_a_file_of_another_study_is_told(studies: Studies) -> None:
    assert len(swaps_of(studies)) > 20
    for name in CHOSEN:
        swap = Swap(TWIN, Path("runs", "a", name))
        assert try_swaps(studies, [swap], studies.place / "tried", resume=name == "best.keras") == []
