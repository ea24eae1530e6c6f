"""Flip a bit, or cut a file short: every damage to the files of a study is found, and the one before is used.

Run as `python tests/faults/damage.py --count 1000 --seed 0`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.small_study import TRIALS, Run, check_undamaged, decisions, files_in, numbers, run_study
from hpsearch.store.arrays import load_arrays, read_arrays
from hpsearch.store.checkpoints import Checkpoints
from hpsearch.store.identity import DamagedError
from hpsearch.store.layout import StudyFiles
from hpsearch.store.log import TickLog
from hpsearch.study.check import check_study

STOP_AT = 6
"""A tick at which trials are under way with two checkpoints each, and others have ended."""

RESUME_EVERY = 10


def drawing(seed: int) -> random.Random:
    """Draw the same for the same seed."""
    return random.Random(seed)  # noqa: S311 - nothing is kept secret


@dataclass(frozen=True)
class Damage:
    """What happens to a file: a bit that flips, or an end that is lost."""

    path: Path
    kind: str
    at: int

    @classmethod
    def drawn(cls, draw: random.Random, path: Path) -> Damage:
        """Draw a damage to a file."""
        size = path.stat().st_size
        if draw.random() < 0.5:
            return cls(path, "flip", draw.randrange(8 * size))
        return cls(path, "cut", draw.randrange(size))

    def apply(self) -> None:
        content = bytearray(self.path.read_bytes())
        if self.kind == "cut":
            del content[self.at :]
        else:
            content[self.at // 8] ^= 1 << self.at % 8
        self.path.write_bytes(content)

    def moved(self, origin: Path, target: Path) -> Damage:
        """Give the same damage in a copy of the directory."""
        return Damage(target / self.path.relative_to(origin), self.kind, self.at)

    def __str__(self) -> str:
        unit = "bit" if self.kind == "flip" else "byte"
        return f"{self.path.parent.name}/{self.path.name} {self.kind} at {unit} {self.at}"


def begin(out: Path) -> None:
    """Run the study until trials are under way with two checkpoints each, and others have ended."""
    assert run_study(out, stop_at=STOP_AT, storage=None).error is not None
    assert len(targets(files_in(out))) >= 7, targets(files_in(out))


def damage_several(begun: Path, out: Path) -> None:
    """Copy a study with damage in both copies of its log, at two places, and in a checkpoint."""
    shutil.copytree(begun, out)
    files = files_in(out)
    Damage(files.ticks, "flip", 8 * 30).apply()
    Damage(files.ticks_copy, "cut", files.ticks_copy.stat().st_size * 2 // 3).apply()
    Damage(files.checkpoint(2), "flip", 8 * 100).apply()


def targets(files: StudyFiles) -> list[Path]:
    """List the files whose damage must be found."""
    arrays = [*files.checkpoint(0).parent.glob("*.npz"), *files.weights(0).parent.glob("*.npz")]
    return [*sorted(arrays), files.ticks, files.ticks_copy]


@contextmanager
def applied(damage: Damage) -> Iterator[None]:
    """Damage a file, and put it back afterwards."""
    content = damage.path.read_bytes()
    damage.apply()
    try:
        yield
    finally:
        damage.path.write_bytes(content)


def check_found(damage: Damage, files: StudyFiles) -> None:
    """Check that a damage is found, and that what was before is used.

    Raises AssertionError where it is not.
    """
    if damage.path in (files.ticks, files.ticks_copy):
        _check_log(damage, files)
        return
    known = _progress(files)
    with applied(damage):
        assert _is_damaged(damage.path), "read as if it were whole"
        assert damage.path in _named_by_check(files)
        if damage.path.parent == files.checkpoint(0).parent:
            _check_checkpoint(damage.path, files, known)


def _is_damaged(path: Path) -> bool:
    try:
        load_arrays(path)
    except DamagedError:
        return True
    return False


def _progress(files: StudyFiles) -> dict[Path, int]:
    """Give the epochs that each whole checkpoint knows."""
    stored = {path: read_arrays(path) for path in files.checkpoint(0).parent.glob("*.npz")}
    return {path: arrays[1]["epochs"] for path, arrays in stored.items() if arrays is not None}


def _check_checkpoint(path: Path, files: StudyFiles, known: dict[Path, int]) -> None:
    number = int(path.name.split(".")[0])
    newest, older = files.checkpoint(number), files.older_checkpoint(number)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        loaded = Checkpoints(files).load(number, known[newest])
    assert loaded is not None, "no checkpoint loads"
    assert loaded[1] == known[older if path == newest else newest]
    if path == newest:
        assert any(w.category is RuntimeWarning and str(path) in str(w.message) for w in warned)


def _check_log(damage: Damage, files: StudyFiles) -> None:
    before = decisions(files)
    last = damage.path.read_bytes().rstrip(b"\n").rfind(b"\n") + 1
    size = damage.path.stat().st_size
    # A kill between the two copies leaves the same behind: there is nothing to warn of.
    harmless = damage.at >= last if damage.kind == "cut" else damage.at // 8 == size - 1
    with applied(damage):
        log = TickLog(files.ticks, files.ticks_copy)
        log.read()
        assert decisions(files) == before, "the other copy was not used"
        assert harmless or any(str(damage.path) in told for told in log.damage), "not found"
        assert harmless or damage.path in _named_by_check(files)


def _named_by_check(files: StudyFiles) -> list[Path]:
    """List the files that `hpsearch check` names as damaged."""
    return [checked.path for checked in check_study(files) if not checked.whole]


def check_resumes(damages: list[Damage], begun: Path, expected: dict[str, Any], out: Path) -> Run:
    """Go on from a damaged copy of the study, to the same numbers.

    Raises AssertionError where they are others.
    """
    shutil.copytree(begun, out)
    for damage in damages:
        damage.moved(begun, out).apply()
    run = run_study(out)
    assert (run.outcome, run.error) == ("finished", None)
    check_undamaged(files_in(out))
    assert numbers(out) == expected
    shutil.rmtree(out)
    return run


def check_storage(out: Path) -> None:
    """Check that the study's own storage shows every trial as the tick log knows it."""
    files = files_in(out)
    ends = [event for event in decisions(files) if event["kind"] == "end"]
    study = optuna.load_study(study_name=files.name, storage=f"sqlite:///{files.database}")
    shown = {trial.number: (trial.state.name.lower(), trial.value) for trial in study.trials}
    assert shown == {end["number"]: (end["state"], end["value"]) for end in ends}
    assert len(shown) == TRIALS


def check_storage_resumes(begun: Path, out: Path, apply: Callable[[Path], None]) -> Run:
    """Go on with a damaged storage: in the end it shows every trial.

    Raises AssertionError where it does not.
    """
    shutil.copytree(begun, out)
    apply(files_in(out).database)
    run = run_study(out, storage=None)
    assert (run.outcome, run.error) == ("finished", None)
    check_storage(out)
    return run


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    draw, counts = drawing(chosen.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as place:
        whole, begun = Path(place, "whole"), Path(place, "begun")
        assert run_study(whole, storage=None).outcome == "finished"
        begin(begun)
        for turn in range(chosen.count):
            _try(turn, draw, Path(place), numbers(whole), counts)
    summary = {"seed": chosen.seed, **counts}
    tell(f"{counts['damages']} damages, {counts['resumes']} resumes, {counts['failures']} failures")
    tell(json.dumps(summary))
    return 1 if counts["failures"] else 0


def _try(turn: int, draw: random.Random, place: Path, expected: dict[str, Any], counts: Counter[str]) -> None:
    begun = place / "begun"
    damages = [Damage.drawn(draw, path) for path in draw.sample(targets(files_in(begun)), k=2)]
    counts.update(["damages", damages[0].kind, damages[0].path.parent.name])
    try:
        check_found(damages[0], files_in(begun))
        if turn % RESUME_EVERY == 0:
            counts["resumes"] += 1
            # Every second time two files are damaged at once.
            several = turn % (2 * RESUME_EVERY) == 0
            check_resumes(damages if several else damages[:1], begun, expected, place / f"resumed {turn}")
            _try_storage(draw, place / ("begun" if several else "whole"), place / f"storage {turn}")
    except Exception as failure:  # noqa: BLE001 - the others are tried as well
        counts["failures"] += 1
        tell(f"FAILED {turn}: {', '.join(map(str, damages))}: {type(failure).__name__}: {failure}")
    if turn % 100 == 99:
        tell(f"{turn + 1} damages tried, the last: {damages[0]}")


def _try_storage(draw: random.Random, begun: Path, out: Path) -> None:
    size = files_in(begun).database.stat().st_size
    at = draw.randrange(size)
    check_storage_resumes(begun, out, lambda path: Damage(path, "cut", at).apply())
    shutil.rmtree(out)


def tell(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
