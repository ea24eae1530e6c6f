"""Put a file of one study in the place of another's: each command says what is wrong, or gives what it gave before.

Run as `python tests/faults/swaps.py --count 500 --seed 1`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from support.commands import Result, here, write_study

NAME = "a"

STUDY: dict[str, Any] = {
    "name": NAME,
    "data": {"sklearn": "iris", "validation": 0.2, "test": 0.2},
    "model": {"mlp": {"hidden": [4], "dropout": {"uniform": [0.0, 0.5]}}},
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 3, "batch_size": 50},
    "search": {"trials": 4, "seed": 3, "keep": 2},
    "confirm": {"finalists": 2, "replicates": 2, "refit": True},
}

TWINS: dict[str, dict[str, Any]] = {
    "another seed": {"search": {**STUDY["search"], "seed": 4}},
    "other data": {"data": {**STUDY["data"], "split_seed": 7}},
    "another range": {"training": {**STUDY["training"], "learning_rate": {"log_uniform": [1e-3, 2e-1]}}},
}

READERS: tuple[tuple[str, ...], ...] = (
    ("best", NAME, "--format", "json"),
    ("trials", NAME, "--format", "json"),
    ("trials", NAME, "--replicates", "--format", "json"),
    ("status", NAME),
    ("report", NAME, "--format", "json"),
    ("predict", NAME, "../new.npz"),
)

TELLS = re.compile(
    r"DAMAGED|another study|another search|other study|not used|contradict|differ at tick|is not the model|does not name|"
    r"do not belong|not of this study|different studies|damaged"
)

EVERY = 5
"""After so many swaps a study goes on."""


@dataclass
class Studies:
    """Studies of one shape in directories of their own, and what each command says of the first."""

    place: Path
    twins: dict[str, Path] = field(default_factory=dict)
    expected: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def own(self) -> Path:
        """The study whose files are replaced."""
        return self.place / "own"

    def begin(self, names: Iterable[str] = TWINS) -> None:
        """Run them all."""
        np.savez(self.place / "new.npz", x=np.random.default_rng(0).normal(3.0, 2.0, (5, 4)))
        self._run(self.own, STUDY)
        for name in names:
            self._run(self.place / name.replace(" ", "-"), {**STUDY, **TWINS[name]})
        self.open(names)

    def open(self, names: Iterable[str] = TWINS) -> None:
        """Take studies that were run before."""
        self.twins = {name: self.place / name.replace(" ", "-") for name in names}
        for reader in READERS:
            found = here(*reader, cwd=self.own)
            assert found.returncode == 0, found.stderr
            self.expected[reader] = plain(found.stdout, self.own)

    def _run(self, directory: Path, study: Mapping[str, Any]) -> None:
        write_study(directory / "study.yaml", study)
        done = here("optimize", "study.yaml", cwd=directory)
        assert done.returncode == 0, done.stderr
        assert here("check", NAME, cwd=directory).returncode == 0, here("check", NAME, cwd=directory).stdout


def plain(text: str, directory: Path) -> str:
    """Leave out of what a command says where the study lies."""
    return text.replace(str(directory), "")


def paths(directory: Path) -> list[Path]:
    """List the files of a study, but who ran it."""
    found = [path for part in ("runs", "reports") for path in (directory / part).rglob("*") if path.is_file()]
    return sorted(path.relative_to(directory) for path in found if "leases" not in path.parts)


@dataclass(frozen=True)
class Swap:
    """A file, and the study from which it comes."""

    twin: str
    path: Path

    def __str__(self) -> str:
        return f"{self.path} of {self.twin}"


def swaps_of(studies: Studies) -> list[Swap]:
    """List every swap: each file that two studies both have, and has other bytes."""
    return [
        Swap(name, path)
        for name, twin in studies.twins.items()
        for path in paths(studies.own)
        if (twin / path).exists() and (twin / path).read_bytes() != (studies.own / path).read_bytes()
    ]


def try_swaps(studies: Studies, swaps: Iterable[Swap], out: Path, *, resume: bool) -> list[str]:
    """Put files of other studies into a copy of the study, and list what no command told."""
    shutil.copytree(studies.own, out)
    for swap in swaps:
        shutil.copyfile(studies.twins[swap.twin] / swap.path, out / swap.path)
    told = here("check", NAME, cwd=out)
    problems = [] if told.returncode == 1 and TELLS.search(words(told)) else [f"check: {words(told)[-300:]}"]
    for reader in READERS:
        problems += _problems(studies, reader, here(*reader, cwd=out), out)
    if resume:
        problems += _resumed(studies, out)
    shutil.rmtree(out)
    return problems


def words(result: Result) -> str:
    return result.stdout + result.stderr


def _problems(studies: Studies, reader: tuple[str, ...], found: Result, out: Path) -> list[str]:
    """List what a command said that it did not say before, without a word of the reason."""
    if "Traceback" in found.stderr:
        return [f"{' '.join(reader)}: a traceback: {found.stderr[-300:]}"]
    same = found.returncode == 0 and plain(found.stdout, out) == studies.expected[reader]
    if same or TELLS.search(found.stderr):
        return []
    return [
        f"{' '.join(reader)}: silently another answer, exit code {found.returncode}: {found.stderr[-300:]}"
    ]


def _resumed(studies: Studies, out: Path) -> list[str]:
    """Go on with the study: it refuses, or all is as before again."""
    done = here("optimize", "study.yaml", cwd=out)
    if "Traceback" in done.stderr:
        return [f"optimize: a traceback: {done.stderr[-300:]}"]
    if done.returncode:
        return [] if TELLS.search(words(done)) else [f"optimize: without a reason: {words(done)[-300:]}"]
    problems = []
    for reader in READERS:
        found = here(*reader, cwd=out)
        if found.returncode or _numbers(found, out) != _numbers_of(studies.expected[reader], out):
            problems.append(f"optimize, then {' '.join(reader)}: {found.stdout[-300:]}{found.stderr[-300:]}")
    return problems


def _numbers(found: Result, out: Path) -> str:
    return _numbers_of(plain(found.stdout, out), out)


def _numbers_of(text: str, _out: Path) -> str:
    """Leave out of an answer the times that differ from run to run, and the remark that earlier looks are lost."""
    return re.sub(r'"(date|seconds)": ("[^"]*"|[0-9.e-]+)', "", text).replace('"lost": true', '"lost": false')


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def drawn(studies: Studies, count: int, seed: int) -> list[list[Swap]]:
    """Draw what is swapped: each file of each study once, then two at a time."""
    draw = random.Random(seed)  # noqa: S311 - nothing is kept secret
    every = swaps_of(studies)
    draw.shuffle(every)
    return [[every[turn]] if turn < len(every) else draw.sample(every, k=2) for turn in range(count)]


def share(place: Path, chosen: argparse.Namespace) -> Counter[str]:
    """Try every so many of the swaps, in studies that were run before."""
    studies, counts = Studies(place), Counter[str]()
    studies.open()
    for turn, several in enumerate(drawn(studies, chosen.count, chosen.seed)):
        if turn % chosen.processes != chosen.share:
            continue
        resume = turn % EVERY == 0
        problems = try_swaps(studies, several, place / f"tried-{chosen.share}", resume=resume)
        counts.update(swaps=1, resumes=resume, failures=bool(problems))
        for problem in problems:
            tell(f"{' and '.join(map(str, several))}: {problem}")
    return counts


def shares(place: Path, chosen: argparse.Namespace) -> Counter[str]:
    """Try all of them, in several processes."""
    command = [sys.executable, __file__, "--count", str(chosen.count), "--seed", str(chosen.seed)]
    command += ["--processes", str(chosen.processes), "--place", str(place)]
    processes = [
        subprocess.Popen([*command, "--share", str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(chosen.processes)
    ]
    counts = Counter[str]()
    for process in processes:
        told, _ = process.communicate()
        *problems, last = told.splitlines()
        for problem in problems:
            tell(problem)
        counts.update(json.loads(last))
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--place", type=Path, help="a directory in which the studies were run, or are to be")
    parser.add_argument("--share", type=int, help="which of the processes this is")
    chosen = parser.parse_args()
    if chosen.share is not None:
        tell(json.dumps(share(chosen.place, chosen)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        place = chosen.place or Path(temporary)
        if not (place / "own").exists():
            Studies(place).begin()
        counts = shares(place, chosen)
    tell(f"{counts['swaps']} swaps, {counts['resumes']} resumes, {counts['failures']} failures")
    tell(json.dumps({"seed": chosen.seed, **counts}))
    return 1 if counts["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
