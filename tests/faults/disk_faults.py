"""Let every call of the store to the system fail, one after another, in every way, as SQLite tests itself.

Run as `python tests/faults/disk_faults.py`; `--count N --seed S` draws N of the faults.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.damage import begin, damage_several, drawing, tell
from faults.disk import ERRORS, SHORT, Fault
from faults.small_study import check_fault, numbers, run_study

Case = tuple[str, Fault]
"""What the study starts from, and the fault that it meets."""


def cases(calls: dict[str, list[str]]) -> Iterator[Case]:
    """List every fault that a run can meet, and one behind the last call for each kind."""
    for start, made in calls.items():
        for lasting in (False, True):
            for kind in ERRORS:
                yield from ((start, Fault(kind, at, lasting)) for at in range(1, len(made) + 2))
            for kind in SHORT:
                yield from ((start, Fault(kind, at, lasting)) for at in range(1, made.count("write") + 2))


def prepare(place: Path) -> tuple[dict[str, Path | None], dict[str, list[str]], dict[str, Any]]:
    """Give what studies start from, the calls that each of them takes to its end, and how it ends."""
    starts: dict[str, Path | None] = {"new": None, "begun": place / "begun", "damaged": place / "damaged"}
    begin(place / "begun")
    damage_several(place / "begun", place / "damaged")
    calls = {}
    for start, origin in starts.items():
        out = place / f"whole {start}"
        if origin is not None:
            shutil.copytree(origin, out)
        run = run_study(out)
        assert run.outcome == "finished", run.error
        calls[start] = run.disk.calls
    return starts, calls, numbers(place / "whole new")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, help="how many, drawn; all by default")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    counts = Counter[str]()
    with tempfile.TemporaryDirectory() as place:
        starts, calls, expected = prepare(Path(place))
        tried = list(cases(calls))
        if chosen.count is not None:
            tried = drawing(chosen.seed).sample(tried, min(chosen.count, len(tried)))
        told = {start: len(made) for start, made in calls.items()}
        tell(f"{len(tried)} faults; calls of an undisturbed run: {told}")
        for turn, case in enumerate(tried):
            _try(turn, case, starts, expected, Path(place), counts)
    tell(f"{counts['faults']} faults, {counts['fired']} met, {counts['failures']} failures")
    tell(json.dumps({"seed": chosen.seed, **counts}))
    return 1 if counts["failures"] else 0


def _try(
    turn: int,
    case: Case,
    starts: dict[str, Path | None],
    expected: dict[str, Any],
    place: Path,
    counts: Counter[str],
) -> None:
    start, fault = case
    counts.update(["faults", start, fault.kind])
    begun = time.monotonic()
    out = place / f"out {turn}"
    try:
        run = check_fault(out, fault, expected, starts[start])
        counts["fired"] += bool(run.disk.fired)
        counts["ended by it" if run.error else "went on"] += bool(run.disk.fired)
        ending = run.outcome or str(run.error).replace(str(out), "OUT")
        met = run.disk.fired[0].replace(str(out), "OUT") if run.disk.fired else "not met"
        tell(f"{turn} {start}: {fault} ({met}) -> {ending} [{time.monotonic() - begun:.1f} s]")
    except Exception as failure:  # noqa: BLE001 - the others are tried as well
        counts["failures"] += 1
        tell(f"FAILED {turn} {start}: {fault}: {type(failure).__name__}: {failure}")


if __name__ == "__main__":
    sys.exit(main())
