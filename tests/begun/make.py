"""Make the studies that stand here half done, and what they came to. Run once, by hand, with the version they are of.

    python tests/begun/make.py

`make.py NAME DIRECTORY` goes on with a copy of one and prints what its logs say.

Each is interrupted at a tick in this process, so that where it stops is a function of the study. `expected.json`
has what the same version makes of it when it goes on. No study is trained by more than a few thousand steps.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

HERE = Path(__file__).parent

SMALL = {
    "data": "sklearn:iris",
    "model": {
        "mlp": {
            "hidden": [8],
            "activation": {"choice": ["tanh", {"leaky_relu": {"negative_slope": {"uniform": [0.01, 0.3]}}}]},
            "dropout": {"uniform": [0.0, 0.3]},
        }
    },
    "training": {"learning_rate": {"log_uniform": [1e-3, 1e-1]}, "epochs": 6, "batch_size": 20},
}
CHOICES = {"choice": ["relu", "tanh"]}
RATES = {"choice": [0.01, 0.1]}

STUDIES: dict[str, tuple[dict[str, Any], str, int]] = {
    "tpe": (
        {
            **SMALL,
            "search": {"trials": 12, "width": 2, "pruner": {"median": {"startup_trials": 3}}},
            "confirm": "none",
        },
        "optimize",
        5,
    ),
    "halving": (
        {
            **SMALL,
            "search": {"trials": 14, "sampler": "qmc", "pruner": "hyperband", "keep": 2},
            "confirm": "none",
        },
        "optimize",
        7,
    ),
    "comparison": (
        {
            "data": "sklearn:wine",
            "model": {"mlp": {"hidden": [4], "activation": CHOICES}},
            "training": {"learning_rate": RATES, "epochs": 3, "batch_size": 32},
            "compare": {"factors": ["activation", "learning_rate"], "replicates": 3},
        },
        "compare",
        5,
    ),
    "confirmed": (
        {**SMALL, "search": {"trials": 9, "sampler": "random"}, "confirm": {"finalists": 3, "replicates": 4}},
        "optimize",
        9 + 4,
    ),
}
"""Of each study its file, the command that trains it, and the number of ends after which it was interrupted."""


LEFT_OUT = ("study.db*", "leases", "timing.json", "influence.json", "*.keras", "best.*", "*.csv")
"""What is written anew, and says nothing of where a study stands."""


class InterruptedDisplay:
    """Interrupts the study when so many trials have ended."""

    def __init__(self, ends: int) -> None:
        self.left = ends

    def ended(self, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


def machine() -> dict[str, str]:
    """Tell what bits depend on."""
    flags = next(
        (line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), ""
    )
    wide = " ".join(sorted(set(flags.split()) & {"avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile"}))
    packages = {name: version(name) for name in ("jaxlib", "keras", "numpy", "optuna", "scipy")}
    return {"processor": f"{platform.machine()} {wide}", **packages}


def go_on(name: str, out: Path, display: Any) -> None:
    """Run a study, or go on with it, in this process."""
    from hpsearch.spec import load_study_file
    from hpsearch.study import lifecycle

    run = lifecycle.optimize if STUDIES[name][1] == "optimize" else lifecycle.compare
    run(load_study_file(out / f"{name}.yaml"), lifecycle.Options(out=out, engine="in_process"), display)


def decided(name: str, out: Path) -> list[dict[str, Any]]:
    """Give what the logs of a study and its confirmation say, without the seconds."""
    found = []
    for path in sorted((out / "runs" / name).rglob("ticks.jsonl")):
        for line in path.read_text().splitlines():
            events = json.loads(line)["events"]
            found += [{key: value for key, value in event.items() if key != "seconds"} for event in events]
    return found


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="study-"))
    expected: dict[str, Any] = {"machine": machine()}
    for name, (raw, _, ends) in STUDIES.items():
        (home / f"{name}.yaml").write_text(json.dumps({"name": name, **raw}))
        go_on(name, home, InterruptedDisplay(ends))
        begun = HERE / name
        shutil.rmtree(begun, ignore_errors=True)
        shutil.copytree(home / "runs" / name, begun / "runs" / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        shutil.copy(home / f"{name}.yaml", begun)
        go_on(name, home, InterruptedDisplay(-1))
        expected[name] = decided(name, home)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    shutil.rmtree(home)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        go_on(sys.argv[1], Path(sys.argv[2]), InterruptedDisplay(-1))
        print(json.dumps({"machine": machine(), "decided": decided(sys.argv[1], Path(sys.argv[2]))}))  # noqa: T201
    else:
        main()
