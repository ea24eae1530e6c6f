"""Fuzz the loader of study files, guided by the lines that each input reaches.

    pip install atheris
    python tests/faults/fuzz.py --seconds 60

atheris is no dependency of the tests. Inputs that fail are kept in the directory that `--keep` names.
"""

# ruff: noqa: T201 - it tells what it does

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

STUDIES = Path(__file__).parents[2] / "studies"
TIMEOUT, MEMORY_MB, LONGEST = 3, 2_048, 4_096
TOKENS = (
    "---\n",
    "%YAML 1.1\n",
    "!!int ",
    "!!bool ",
    "!!map ",
    "!!python/name:",
    "&a ",
    "*a",
    "<<: ",
    "? ",
    "- ",
)


def fuzz(directory: Path, arguments: list[str]) -> None:
    """Give the loader one input after the other; an exception that is no message for people ends the process."""
    import atheris

    with atheris.instrument_imports(include=["hpsearch", "ruamel.yaml"]):
        from hpsearch.exceptions import HpsearchError
        from hpsearch.spec import load_study_file
        from hpsearch.spec.space.enqueue import check_enqueued
        from hpsearch.spec.space.space import SearchSpace
    path = directory / "study.yaml"

    def one(content: bytes) -> None:
        path.write_bytes(content)
        try:
            study = load_study_file(path)
            check_enqueued(study.spec, study.source)
            SearchSpace(study.spec).structures()
        except HpsearchError:
            return

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


def words(schema: Any) -> Iterator[str]:
    """Iterate over the words of study files."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            yield from schema["properties"] if key == "properties" else ()
            yield from map(str, value) if key == "enum" else words(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from words(item)


def prepare(directory: Path) -> list[str]:
    """Write a corpus and a dictionary, and give the arguments that name them."""
    from hpsearch.spec import json_schema

    corpus = directory / "corpus"
    corpus.mkdir()
    for study in STUDIES.glob("*.yaml"):
        (corpus / study.name).write_bytes(study.read_bytes())
    entries = sorted({*words(json_schema()), *TOKENS})
    hexadecimal = ["".join(f"\\x{byte:02x}" for byte in entry.encode()) for entry in entries if entry]
    (directory / "words").write_text("".join(f'"{entry}"\n' for entry in hexadecimal))
    return [str(corpus), f"-dict={directory / 'words'}"]


def watch(command: list[str]) -> dict[str, int]:
    """Run the fuzzer, show what it says, and collect its numbers."""
    numbers: dict[str, int] = {}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    for line in process.stdout or ():
        print(line, end="", flush=True)
        if match := re.match(r"stat::(\w+):\s*(\d+)", line):
            numbers[match[1]] = int(match[2])
        elif match := re.search(r"\bcov: (\d+)", line):
            numbers["coverage"] = int(match[1])
    return {**numbers, "exit_code": process.wait()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.inside is not None:
        fuzz(options.inside, rest)
    if find_spec("atheris") is None:
        parser.error("atheris is not installed: pip install atheris")
    keep = options.keep or Path(tempfile.mkdtemp(prefix="fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, __file__, "--inside", directory, *prepare(Path(directory))]
        limits = [f"-max_total_time={options.seconds}", f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEMORY_MB}"]
        limits += [f"-max_len={LONGEST}", f"-seed={options.seed}", f"-artifact_prefix={keep}/"]
        numbers = watch([*command, *limits, "-print_final_stats=1"])
    failures = sorted(str(path) for path in keep.iterdir())
    failed = bool(failures) or numbers["exit_code"] != 0
    runs = numbers.get("number_of_executed_units", 0)
    print(f"{runs} inputs in {time.monotonic() - start:.0f} s, {'FAILED' if failed else 'none failed'}")
    print(json.dumps({"seed": options.seed, **numbers, "failures": failures}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
