"""The textbook configurations that a search begins with, of those that its space has.

A table has the regret of candidates on several data sets: pairs of activation and initializer (He et al.,
arXiv 1502.01852; Glorot and Bengio, 2010; Klambauer et al., arXiv 1706.02515), each with a learning rate, a
regularization, a place of batch normalization and a schedule. Of the candidates that a space can have, one
after another is taken that brings the best so far nearest to the best of all, in the mean over the data (Xu,
Hoos and Leyton-Brown, Hydra, AAAI 2010). `benchmarks/portfolio.py` makes the table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpsearch.scheduling.samplers.base import Values, value_at
from hpsearch.spec import Choice, Configuration, StudySpec
from hpsearch.spec.sections.optimizers import OPTIMIZERS
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.parts import Component

SHARE, MOST = 0.25, 8
"""The share of the trials that a portfolio may have, and the most of them."""

GAIN = 0.01
"""The least gain in mean regret for which a portfolio has one more configuration."""

BATCH = 32
"""The batch size of the table."""

FIXED: Mapping[str, tuple[Value, ...]] = {
    "optimizer": ("adam", "nadam", "adamw", *OPTIMIZERS),
    "batch_size": (BATCH, 64, 16, 128, 8, 256),
    "l1": (0.0, 1e-6),
    "clipping": ("none",),
    "scaling": ("standard",),
    "negative_slope": (0.2,),
    "warmup": (0.1,),
}
"""What all candidates have in common: of several values the first one that a space has."""

SYNONYMS = {"kernel_initializer": "initializer"}

Candidate = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Candidates, and the regret of each on every data set: 0 for the best one, 1 for the median."""

    candidates: Sequence[Candidate]
    regrets: NDArray[np.float64]

    def without(self, columns: Sequence[int]) -> Table:
        """Return the table without some of the data sets."""
        return Table(self.candidates, np.delete(self.regrets, columns, axis=1))


@cache
def textbook() -> Table:
    """Read the table that ships."""
    raw = json.loads(Path(__file__).with_name("portfolio.json").read_text(encoding="utf-8"))
    candidates = [dict(zip(raw["fields"], row, strict=True)) for row in raw["candidates"]]
    return Table(candidates, np.array(raw["regrets"], float))


def portfolio_of(spec: StudySpec, space: SearchSpace, table: Table | None = None) -> tuple[Values, ...]:
    """Choose the portfolio of a search, best first.

    Args:
        spec: The study.
        space: Its search space.
        table: The candidates; by default those of the textbook.

    Returns:
        Values of the parameters that the candidates know; the others are left to chance.
    """
    table = table or textbook()
    groups: dict[tuple[tuple[str, Value], ...], list[int]] = {}
    for index, candidate in enumerate(table.candidates):
        values = restricted(candidate, space)
        if values:
            groups.setdefault(tuple(values.items()), []).append(index)
    if not groups:
        return ()
    # Candidates that differ only in what the space does not have count as one.
    regrets = np.array([table.regrets[members].mean(axis=0) for members in groups.values()])
    named = list(groups)
    return tuple(dict(named[at]) for at in chosen(regrets, min(MOST, int(SHARE * spec.search.trials))))


def chosen(regrets: NDArray[np.float64], most: int) -> Iterator[int]:
    """Choose rows greedily, so that the best of them in each column is small in the mean."""
    best = np.full(regrets.shape[1], math.inf)
    for _ in range(most):
        means = np.minimum(regrets, best).mean(axis=1)
        at = int(means.argmin())
        if best.mean() - means[at] < GAIN:
            return
        yield at
        best = np.minimum(best, regrets[at])


def restricted(candidate: Candidate, space: SearchSpace) -> Values | None:
    """Return the values of a candidate in a space; None where the space lacks its activation or its rate."""
    values: Values = {}

    def choose(parameter: Parameter) -> Value:
        known = _known(parameter, {**FIXED, **{name: (value,) for name, value in candidate.items()}})
        if known is not None:
            values[parameter.name] = known
        return value_at(parameter, 0.5) if known is None else known

    configuration = space.configure(choose)
    if any(_differs(configuration, candidate, name) for name in ("activation", "batch_norm", "schedule")):
        return None
    rate = candidate["rate"] * _own_rate(configuration)
    for parameter in space.parameters:
        if _field(parameter) == "learning_rate" and _is_active(parameter, values):
            known = _known(parameter, {"learning_rate": (rate,)})
            if known is None:
                return None
            values[parameter.name] = known
    return values


def _known(parameter: Parameter, wanted: Mapping[str, Sequence[Value]]) -> Value | None:
    """Return the first wanted value that a parameter has."""
    for value in wanted.get(_field(parameter), ()):
        if not isinstance(parameter.distribution, Choice):
            if parameter.contains(value):
                return value
            continue
        named = zip(parameter.options, parameter.distribution.options, strict=True)
        found = next((label for label, option in named if _name(option) == value), None)
        if found is not None:
            return found
    return None


def _field(parameter: Parameter) -> str:
    """Return the last word of a parameter's name that is no number of a layer."""
    words = [word for word in parameter.name.split(".") if not word.isdigit()]
    return SYNONYMS.get(words[-1], words[-1]) if words else ""


def _name(value: Any) -> Any:
    return value.name if isinstance(value, Component) else value


def _differs(configuration: Configuration, candidate: Candidate, field: str) -> bool:
    """Return whether a configuration has what another candidate has in the place of this one's."""
    part = configuration.training if field == "schedule" else configuration.model
    found = getattr(part, field, None)
    others = _all_of(field) - {candidate[field]}
    return any(_name(one) in others for one in (found if isinstance(found, tuple) else (found,)))


@cache
def _all_of(field: str) -> frozenset[Any]:
    """Return what candidates have in a place."""
    return frozenset(one[field] for one in textbook().candidates)


def _own_rate(configuration: Configuration) -> float:
    """Return the learning rate that an optimizer has by itself, as it suits the size of batches.

    It grows with the size for stochastic gradient descent (Goyal et al., arXiv 1706.02677), with its root for
    the others (Malladi et al., arXiv 2205.10287).
    """
    training: Any = configuration.training
    exponent = 1.0 if training.optimizer.name == "sgd" else 0.5
    return float(training.optimizer.own_rate * (training.batch_size / BATCH) ** exponent)


def _is_active(parameter: Parameter, values: Mapping[str, Value]) -> bool:
    return all(values.get(name, wanted) == wanted for name, wanted in parameter.conditions)
