"""Load study files that were spoiled at random; each must be a study or be refused with a message, at once.

    python tests/faults/study_files.py --count 10000 --seed 1

`--data` opens the data of those that load, as `hpsearch validate` does. Files that fail are kept in the directory
that `--keep` names.
"""

# ruff: noqa: T201 - it tells what it does

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from hpsearch.exceptions import HpsearchError
from hpsearch.spec import StudyFile, load_study_file, print_yaml
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.space.space import SearchSpace
from hpsearch.study.inspection import inspect
from spec.test_generated import STUDIES, edits, places, spoil
from support.strategies import study_files

LIMIT_SECONDS = 1.0
"""Of computing, so that what else the machine does is not counted."""

DATA_SECONDS = 60.0
"""Of computing, to open the data of a study."""

MEMORY = 6 * 2**30
"""Bytes that the process may take where it opens data: rows that are drawn may be many."""

PIECES = [
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\r",
        b"\xc2\x85",
        "\u202e".encode(),
        b"\x1b[2J",
    ),
    *(b"%YAML 1.1\n---\n", b"%YAML 1.9\n---\n", b"%TAG ! tag:yaml.org,2002:\n---\n", b"---\n", b"...\n"),
    *(
        b"!!int ",
        b"!!float ''",
        b"!!bool ",
        b"!!int '' #",
        b"!!map ",
        b"!!str ",
        b"!!timestamp ",
        b"!!python/name:os.system ",
    ),
    *(b"&a ", b"*a", b"<<: *a\n", b"? ", b"- ", b"[", b"]", b"{", b"}", b", ", b": ", b"|\n", b">-\n"),
    *(b"0x", b"0o7", b"9", b"1:", b"_", b".inf", b".nan", b"1e", b"e9", b"-", b"\t", b"#", b"'", b'"', b"\\"),
    *(b"{choice: ", b"{int: [1, ", b"{uniform: [0, ", b"hidden", b"enqueue: [{", b"share: "),
]
TIMES = [1, 1, 1, 2, 50, 5_000]
TOKEN = re.compile(rb": |- |\[|\{|, |\n *")
"""What stands in front of a value or a key."""


class TooSlowError(BaseException):
    """Comes out of a load that takes too long; no part of it may swallow this."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Break off what takes too long."""

    def stop(*_: object) -> None:
        raise TooSlowError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@dataclass
class Tally:
    """What became of the files."""

    keep: Path
    data: bool = False
    outcomes: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def note(self, outcome: str, seconds: float) -> None:
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, seconds)
        if self.outcomes.total() % 500 == 0:
            print(self, flush=True)

    def fail(self, cause: str, content: bytes) -> None:
        """Keep the first file of each cause."""
        self.causes[cause] += 1
        if self.causes[cause] == 1:
            path = self.keep / f"failure-{len(self.causes)}.yaml"
            path.write_bytes(content)
            print(f"FAILED: {cause}\n  {path}: {content[:200]!r}", flush=True)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        seconds = time.monotonic() - self.started
        return f"{self.outcomes.total()} files in {seconds:.0f} s: {counts}; the slowest {self.slowest:.2f} s"


def load(path: Path) -> StudyFile:
    """Do what every command does with a study file."""
    study = load_study_file(path)
    check_enqueued(study.spec, study.source)
    SearchSpace(study.spec).structures()
    return study


def attempt(content: bytes, path: Path, tally: Tally) -> None:
    """Load one file and note what became of it."""
    path.write_bytes(content)
    start, outcome = time.process_time(), "loaded"
    try:
        with limited(LIMIT_SECONDS):
            study = load(path)
        if tally.data:
            outcome = "loaded, but its data refused"
            with limited(DATA_SECONDS):
                inspect(study)
            outcome = "loaded with its data"
    except HpsearchError:
        outcome = outcome if outcome != "loaded" else "refused"
    except (Exception, TooSlowError) as failure:  # noqa: BLE001 - this is what is looked for
        outcome = "failed"
        place = "a load" if isinstance(failure, TooSlowError) else _place(failure)
        tally.fail(f"{type(failure).__name__} in {place}: {str(failure)[:100]}", content)
    tally.note(outcome, time.process_time() - start)


def _place(failure: BaseException) -> str:
    frame = traceback.extract_tb(failure.__traceback__)[-1]
    return f"{frame.name}, {frame.filename}:{frame.lineno}"


def damage(content: bytes, draw: Callable[[Any], Any]) -> bytes:
    """Cut a part out of a file, and put a piece that parsers trip over in its place, once or often."""
    tokens = [match.end() for match in TOKEN.finditer(content)] or [0]
    at = draw(st.integers(0, len(content)) | st.sampled_from(tokens))
    length = draw(st.sampled_from([0, 0, 1, 9, 10_000]))
    piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4)) * draw(st.sampled_from(TIMES))
    return content[:at] + piece + content[at + length :]


def spoiled(data: Any, draw: Callable[[Any], Any]) -> bytes:
    """Spoil a study as data, as text and as bytes, each now and then."""
    text = data if isinstance(data, str) else None
    if text is None:
        for _ in range(draw(st.integers(0, 2))):
            data = spoil(data, draw) if list(places(data)) else data
        text = print_yaml(data)
    for _ in range(draw(st.integers(0, 2))):
        text = draw(edits(text))
    content = text.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 2))):
        content = damage(content, draw)
    return content


def run(count: int, number: int, tally: Tally, path: Path) -> None:
    shipped = st.sampled_from([study.read_text(encoding="utf-8") for study in STUDIES])

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(study_files() | shipped, st.data())
    def one(data: Any, draws: st.DataObject) -> None:
        attempt(spoiled(data, draws.draw), path, tally)

    one()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--data", action="store_true", help="open the data of the studies, too")
    options = parser.parse_args()
    keep = options.keep or Path(tempfile.mkdtemp(prefix="study-files-"))
    keep.mkdir(parents=True, exist_ok=True)
    tally = Tally(keep, options.data)
    with tempfile.TemporaryDirectory() as directory:
        if options.data:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            for beside in [*STUDIES[0].parent.glob("*.csv"), *STUDIES[0].parent.glob("*.py")]:
                shutil.copy(beside, directory)
        run(options.count, options.seed, tally, Path(directory) / "study.yaml")
    print(tally)
    told = {
        "count": options.count,
        "seed": options.seed,
        **tally.outcomes,
        "slowest": round(tally.slowest, 3),
    }
    print(json.dumps({**told, "causes": tally.causes}))
    return 1 if tally.causes else 0


if __name__ == "__main__":
    sys.exit(main())
