"""Which region of a search space fails: the rules of the report against decision trees of depth 2.

    python benchmarks/rules.py [--seeds 100]

Trials are drawn from a search space in which a known region fails, and some of their labels are flipped. A
tree (scikit-learn, which takes missing values; one column for each option of a choice) is read as its purest
leaves, or the nodes above them; what counts as evidence is as in `hpsearch.analysis.rules`. "One tree after
another" fits a new tree to the trials outside of the regions found so far. A way is right where the regions
name the parameters of the known ones and no others. Precision and recall are those of 2,000 fresh trials with
their true labels. The figures go to `benchmarks/results/rules.json`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.stats import hypergeom
from sklearn.tree import DecisionTreeClassifier

from hpsearch.analysis import find_rules
from hpsearch.analysis.conditions import conditions_on
from hpsearch.analysis.influence.columns import columns_of
from hpsearch.analysis.rules import CHANCE, FEWEST_MARKED, LEAST_COVERAGE, LEAST_PRECISION, MOST_RULES
from hpsearch.spec import Numeric, StudySpec
from hpsearch.spec.space.parameter import Parameter
from hpsearch.spec.space.space import SearchSpace

RESULTS = Path(__file__).parent / "results" / "rules.json"
TRIALS = (30, 100, 300)
FLIPPED = (0.0, 0.05, 0.1)
FRESH = 2_000
LEAST_LEAF = 3
"""The fewest trials of a leaf: of 1, 3, 5 and 10 none is right more often."""

STUDY = {
    "name": "rules",
    "data": "sklearn:digits",
    "model": {
        "mlp": {
            "hidden": [8],
            "activation": {"choice": ["relu", "tanh", "selu", "elu"]},
            "dropout": {"uniform": [0.0, 0.5]},
            "l2": {"log_uniform": [1e-7, 1e-2]},
        }
    },
    "training": {
        "epochs": 2,
        "optimizer": {"choice": ["sgd", "adam"]},
        "learning_rate": {"log_uniform": [1e-4, 1.0]},
        "batch_size": {"choice": [16, 32, 64, 128]},
        "clipping": {"choice": ["none", {"global_clipnorm": {"log_uniform": [0.1, 10]}}]},
    },
}

SPACE = SearchSpace(StudySpec.model_validate(STUDY))
NOISE = 0.25

Values = dict[str, Any]
Region = tuple[tuple[str, str, Any, bool], ...]
"""Conditions: a parameter, a relation, a value, and whether it holds where the parameter is not active."""

CASES: dict[str, tuple[Callable[[Values], bool] | None, set[frozenset[str]]]] = {
    "a threshold": (lambda v: v["learning_rate"] > 0.1, {frozenset({"learning_rate"})}),
    "a threshold and a category": (
        lambda v: v["learning_rate"] > 0.01 and v["optimizer"] == "sgd",
        {frozenset({"learning_rate", "optimizer"})},
    ),
    "two thresholds": (
        lambda v: v["learning_rate"] > 0.01 and v["dropout"] > 0.25,
        {frozenset({"learning_rate", "dropout"})},
    ),
    "a category": (lambda v: v["activation"] == "selu", {frozenset({"activation"})}),
    "a conditional parameter": (
        lambda v: v.get("clipping.global_clipnorm", 0.0) > 1.0,
        {frozenset({"clipping.global_clipnorm"})},
    ),
    "two regions": (
        lambda v: v["dropout"] > 0.4 or (v["learning_rate"] > 0.03 and v["optimizer"] == "sgd"),
        {frozenset({"dropout"}), frozenset({"learning_rate", "optimizer"})},
    ),
    "noise": (None, set()),
}
"""What fails, and the parameters of its regions; of noise a share fails, whatever the parameters."""


def drawn(parameters: Sequence[Parameter], draw: np.random.Generator) -> Values:
    """Draw the values of a trial."""
    values: Values = {}
    for parameter in parameters:
        if any(values.get(name) != option for name, option in parameter.conditions):
            continue
        given = parameter.distribution
        if not isinstance(given, Numeric):
            values[parameter.name] = parameter.options[draw.integers(len(parameter.options))]
        elif given.log:
            values[parameter.name] = float(np.exp(draw.uniform(np.log(given.low), np.log(given.high))))
        else:
            values[parameter.name] = float(draw.uniform(given.low, given.high))
    return values


def records_of(trials: Sequence[Values], failed: Any) -> list[Any]:
    """Make what the rules read of trials."""
    states = ("failed" if each else "complete" for each in failed)
    return [
        SimpleNamespace(number=number, state=state, parameters=values)
        for number, (state, values) in enumerate(zip(states, trials, strict=True))
    ]


def conditions_tried(parameters: Sequence[Parameter], trials: Sequence[Values], failed: Any) -> int:
    """Count the conditions that the rules try, so that a tree is held against the same chance."""
    columns = columns_of(tuple(parameters), records_of(trials, failed))
    return sum(len(conditions_on(column, failed)) for column in columns)


def ours(parameters: Sequence[Parameter], trials: Sequence[Values], failed: Any) -> list[Region]:
    """Find the rules of the report."""
    records = records_of(trials, failed)
    record: Any = SimpleNamespace(parameters=tuple(parameters), trials=records)
    return [
        tuple((one.parameter, one.relation, one.value, False) for one in rule.conditions)
        for rule in find_rules(record)
    ]


def holds(region: Region, trials: Sequence[Values]) -> Any:
    """Tell for each trial whether it lies in a region."""
    truth = np.ones(len(trials), bool)
    for name, relation, value, missing in region:
        met: Callable[[Any], bool] = {
            "is": lambda given, value=value: given == value,
            "is not": lambda given, value=value: given != value,
            "above": lambda given, value=value: given > value,
            "at most": lambda given, value=value: given <= value,
        }[relation]
        truth &= [met(given) if (given := values.get(name)) is not None else missing for values in trials]
    return truth


def table_of(parameters: Sequence[Parameter], trials: Sequence[Values]) -> tuple[list[Any], Any]:
    """Make a column of each number, NaN where it is not active, and of each option."""
    names: list[Any] = []
    columns = []
    for parameter in parameters:
        given = [values.get(parameter.name) for values in trials]
        for option in parameter.options or (None,):
            names.append((parameter.name, option))
            columns.append(
                [np.nan if v is None else v for v in given]
                if option is None
                else [v == option for v in given]
            )
    return names, np.array(columns, float).T


def nodes(tree: Any, names: Sequence[Any], node: int = 0, above: Region = ()) -> Iterator[Region]:
    """List the regions of a tree below its root, leaves and the nodes above them."""
    if above:
        yield above
    if tree.children_left[node] < 0:
        return
    (name, option), threshold = names[tree.feature[node]], float(tree.threshold[node])
    left = bool(tree.missing_go_to_left[node])
    if option is None:
        sides = ("at most", threshold, left), ("above", threshold, not left)
    else:
        sides = ("is not", option, True), ("is", option, False)
    for child, side in zip((tree.children_left[node], tree.children_right[node]), sides, strict=True):
        yield from nodes(tree, names, child, (*above, (name, *side)))


def chance(inside: Any, failed: Any, among: Any) -> float:
    """Give the probability of as many failures in a region of this size by chance."""
    hits = int((inside & failed).sum())
    return float(hypergeom.sf(hits - 1, int(among.sum()), int((failed & among).sum()), int(inside.sum())))


def is_clear(region: Region, trials: Sequence[Values], failed: Any, left: Any, tried: int) -> bool:
    """Tell whether a region is precise, no accident, and no condition of it superfluous."""
    parts = [holds((one,), trials) for one in region]
    inside = np.logical_and.reduce([left, *parts])
    enough = (inside & failed).sum() >= max(LEAST_PRECISION * inside.sum(), 1)
    if not enough or (tried if len(region) == 1 else tried**2 / 2) * chance(inside, failed, left) > CHANCE:
        return False
    return len(region) == 1 or all(chance(inside, failed, left & part) <= CHANCE for part in parts)


def clearest(
    parameters: Sequence[Parameter], trials: Sequence[Values], failed: Any, left: Any
) -> list[Region]:
    """Fit a tree to what is left; list its clear regions, the least accidental first."""
    names, table = table_of(parameters, trials)
    tree = DecisionTreeClassifier(
        max_depth=2, criterion="entropy", min_samples_leaf=LEAST_LEAF, random_state=0
    ).fit(table[left], failed[left])
    tried = conditions_tried(parameters, trials, failed)
    found = [each for each in nodes(tree.tree_, names) if is_clear(each, trials, failed, left, tried)]
    return sorted(found, key=lambda each: chance(holds(each, trials) & left, failed, left))


def one_tree(parameters: Sequence[Parameter], trials: Sequence[Values], failed: Any) -> list[Region]:
    """Take the clear regions of one tree that do not overlap."""
    chosen: list[Region] = []
    left = np.ones(len(trials), bool)
    for region in clearest(parameters, trials, failed, left):
        truth = holds(region, trials)
        if not (truth & ~left).any():
            chosen.append(region)
            left &= ~truth
    return chosen if covers(left, failed) else []


def trees(parameters: Sequence[Parameter], trials: Sequence[Values], failed: Any) -> list[Region]:
    """Take the clearest region of a tree, fit another to what is left, and so on, as the rules do."""
    chosen: list[Region] = []
    left = np.ones(len(trials), bool)
    while len(chosen) < MOST_RULES and (failed & left).sum() >= FEWEST_MARKED:
        found = clearest(parameters, trials, failed, left)
        if not found:
            break
        chosen.append(found[0])
        left &= ~holds(found[0], trials)
    return chosen if covers(left, failed) else []


def covers(left: Any, failed: Any) -> bool:
    """Tell whether the regions hold enough of the failures."""
    return bool((failed & ~left).sum() >= LEAST_COVERAGE * failed.sum())


WAYS: dict[str, Callable[..., list[Region]]] = {
    "rules": ours,
    "one tree": one_tree,
    "one tree after another": trees,
}


def failing(case: str, trials: Sequence[Values], draw: np.random.Generator) -> Any:
    """Tell which trials fail, without flipped labels."""
    fails = CASES[case][0]
    if fails is None:
        return draw.random(len(trials)) < NOISE
    return np.array([fails(values) for values in trials])


def measured(case: str, trials: int, flipped: float, seed: int, fresh: Sequence[Values]) -> dict[str, Any]:
    """Let every way look for the regions of one study."""
    draw = np.random.default_rng([seed, trials, int(100 * flipped), list(CASES).index(case)])
    parameters = SPACE.parameters
    given = [drawn(parameters, draw) for _ in range(trials)]
    failed = failing(case, given, draw) ^ (draw.random(trials) < flipped)
    truth = failing(case, fresh, draw)
    found = {}
    for name, way in WAYS.items():
        started = time.perf_counter()
        regions = way(parameters, given, failed) if FEWEST_MARKED <= failed.sum() < trials else []
        seconds = time.perf_counter() - started
        named = {frozenset(condition[0] for condition in region) for region in regions}
        inside = np.logical_or.reduce([np.zeros(len(fresh), bool), *(holds(each, fresh) for each in regions)])
        hits = int((inside & truth).sum())
        found[name] = {
            "right": named == CASES[case][1],
            "precision": hits / int(inside.sum()) if inside.any() else None,
            "recall": hits / int(truth.sum()),
            "seconds": seconds,
        }
    return found


def summary(found: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """Take the means of one way over the seeds; precision where there are regions at all."""
    each = [one[name] for one in found]
    precise = [one["precision"] for one in each if one["precision"] is not None]
    return {
        "right": round(float(np.mean([one["right"] for one in each])), 3),
        "precision": round(float(np.mean(precise)), 3) if precise else None,
        "recall": round(float(np.mean([one["recall"] for one in each])), 3),
        "milliseconds": round(1000 * float(np.median([one["seconds"] for one in each])), 1),
    }


def main() -> None:
    """Measure every case, print a table, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    rows = []
    for case in CASES:
        fresh = [drawn(SPACE.parameters, draw) for draw in [np.random.default_rng(0)] for _ in range(FRESH)]
        for trials in TRIALS:
            for flipped in FLIPPED if CASES[case][0] else FLIPPED[:1]:
                found = [measured(case, trials, flipped, seed, fresh) for seed in range(arguments.seeds)]
                row = {"case": case, "trials": trials, "flipped": flipped}
                rows.append(row | {name: summary(found, name) for name in WAYS})
                told = "  ".join(f"{name}: {rows[-1][name]['right']:.2f}" for name in WAYS)
                print(f"{case:28} {trials:4} trials  {flipped:4.0%} flipped  {told}", flush=True)
    packages = {name: version(name) for name in ("hpsearch", "numpy", "scikit-learn", "scipy")}
    known = {
        "seeds": arguments.seeds,
        "fewest trials of a leaf": LEAST_LEAF,
        "versions": packages,
        "rows": rows,
    }
    arguments.output.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
