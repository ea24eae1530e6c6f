"""Samplers: which values a trial gets, as a function of the seed, its number, and the trials before it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState

from hpsearch.exceptions import UnsupportedError
from hpsearch.randomness import derive
from hpsearch.search_space import Parameter, SearchSpace, Value
from hpsearch.spec import Choice, Component, Configuration, Numeric, Search, StudySpec
from hpsearch.store.optuna_distributions import optuna_distribution

MAX_GRID = 20_000
NAME = "hpsearch"
"""One name for all studies in memory, because Hyperband's brackets depend on it."""

ATTEMPTS = 10
"""How often a sampler may repeat an earlier configuration before a random one is drawn instead."""


def _tpe(sampler: Any, seed: int) -> BaseSampler:
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=sampler.startup_trials, multivariate=True, group=True, constant_liar=True
    )


def _random(sampler: Any, seed: int) -> BaseSampler:
    return optuna.samplers.RandomSampler(seed=seed)


def _cmaes(sampler: Any, seed: int) -> BaseSampler:
    return optuna.samplers.CmaEsSampler(
        seed=seed, n_startup_trials=sampler.startup_trials, warn_independent_sampling=False
    )


def _gp(sampler: Any, seed: int) -> BaseSampler:
    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=sampler.startup_trials)


SAMPLERS: dict[str, Callable[[Component, int], BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "cmaes": _cmaes,
    "gp": _gp,
}
"""Optuna's samplers. Grid and qmc take the number of the trial as their index instead."""

EXTRAS = {"cmaes": "cmaes", "gp": "torch"}
"""Packages that a sampler needs and that hpsearch does not install by itself."""


def check_sampler(spec: StudySpec, space: SearchSpace) -> None:
    """Check that the sampler suits the search space.

    Raises UnsupportedError, with the parameter that does not fit and what to do.
    """
    name = spec.search.sampler.name
    if name == "grid":
        _check_grid(space)
    if name in ("cmaes", "gp") and space.conditional:
        parameter = next(p for p in space.parameters if p.conditions)
        raise UnsupportedError(
            f"the sampler {name} needs a space without conditions, and {parameter.name} is active only "
            f"with {parameter.conditions[-1][0]} = {parameter.conditions[-1][1]}: use tpe"
        )
    choices = [p.name for p in space.parameters if isinstance(p.distribution, Choice)]
    if name == "cmaes" and choices:
        raise UnsupportedError(f"the sampler cmaes needs numbers, and {choices[0]} is a choice: use tpe")
    if name in EXTRAS:
        _check_package(name)


def _check_package(name: str) -> None:
    from importlib.util import find_spec

    if find_spec(EXTRAS[name]) is None:
        raise UnsupportedError(
            f"the sampler {name} needs the package {EXTRAS[name]}: pip install 'hpsearch[{name}]'"
        )


def _check_grid(space: SearchSpace) -> None:
    endless = [parameter.name for parameter in space.parameters if parameter.count == math.inf]
    if endless:
        raise UnsupportedError(
            f"the sampler grid needs values that can be counted, and {endless[0]} is a range without a step: "
            "give it a step, as in {uniform: [0, 0.5, 0.1]}, or use tpe"
        )
    size = space.size()
    if size > MAX_GRID:
        # Python refuses to print a number of thousands of digits.
        told = f"{size:,}" if size < 10**15 else "more than 10^15"
        raise UnsupportedError(f"the grid has {told} configurations, more than {MAX_GRID:,}: use tpe")


class Experience:
    """What the sampler and the pruner know: an Optuna study in memory, rebuilt from the tick log."""

    def __init__(self, search: Search, parameters: Iterable[Parameter]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.distributions = {p.name: optuna_distribution(p) for p in parameters}
        self.storage = InMemoryStorage()
        direction = StudyDirection[search.direction.upper()]
        self.study_id = self.storage.create_new_study([direction], NAME)
        self.worst = float("inf") if search.direction == "minimize" else float("-inf")
        self._ids: dict[int, int] = {}

    def study(self) -> Study:
        """Give the study as Optuna's samplers and pruners take it.

        A study object caches its trials from one ask to the next, and we do not ask it: so each use gets
        a new one.
        """
        sampler, pruner = optuna.samplers.RandomSampler(), optuna.pruners.NopPruner()
        return Study(NAME, self.storage, sampler=sampler, pruner=pruner)

    def begin(self, number: int) -> int:
        """Begin a trial; numbers follow each other from 0."""
        if number not in self._ids:
            self._ids[number] = self.storage.create_new_trial(self.study_id)
        return self._ids[number]

    def put(self, number: int, values: dict[str, Value]) -> None:
        """Give a trial its values."""
        for name, value in values.items():
            distribution = self.distributions[name]
            internal = distribution.to_internal_repr(value)
            self.storage.set_trial_param(self._ids[number], name, internal, distribution)

    def report(self, number: int, epoch: int, value: float) -> None:
        """Note the metric of an epoch."""
        self.storage.set_trial_intermediate_value(self._ids[number], epoch, value)

    def tell(self, number: int, state: str, value: float | None) -> None:
        """Note how a trial ended. A failure is the worst of results, so that its region is avoided."""
        if state == "pruned":
            self._end(number, TrialState.PRUNED, self.worst if value is None else value)
        else:
            told = self.worst if state == "failed" or value is None else value
            self._end(number, TrialState.COMPLETE, told)

    def _end(self, number: int, state: TrialState, value: float) -> None:
        self.storage.set_trial_state_values(self._ids[number], state, [value])

    def values(self, number: int) -> dict[str, Value]:
        """Give the values of a trial."""
        return dict(self.frozen(number).params)

    def frozen(self, number: int) -> Any:
        """Give the trial as Optuna's samplers and pruners take it."""
        return self.storage.get_trial(self._ids[number])


class Suggester:
    """Suggests the values of each trial, never those of a configuration that was tried already."""

    waits: ClassVar[bool] = False

    def __init__(self, spec: StudySpec, space: SearchSpace, experience: Experience) -> None:
        self.spec, self.space, self.experience = spec, space, experience
        self.sampler = spec.search.sampler
        self.tried: set[Configuration] = set()
        # Iterators, so that what was tried once is not looked at again for every trial.
        self._enqueued = iter([space.active(values) for values in spec.search.enqueue])
        self._grid = iter(self._shuffled_grid()) if self.sampler.name == "grid" else None

    @property
    def stateful(self) -> bool:
        """Tell whether the sampler keeps a state that only asking again can rebuild."""
        return self.sampler.name == "cmaes"

    def _shuffled_grid(self) -> list[dict[str, Value]]:
        combinations = list(self.space.grid())
        order = np.random.default_rng(derive(self.spec.search.seed, "grid")).permutation(len(combinations))
        return [combinations[index] for index in order]

    def suggest(self, number: int) -> dict[str, Value] | None:
        """Suggest values for a trial; None where every configuration was tried."""
        self.experience.begin(number)
        for values in self._candidates(number):
            if self.space.configuration(values) not in self.tried:
                self.take(number, values)
                return dict(values)
        return None

    def recall(self, number: int) -> None:
        """Ask the sampler again for a trial that the tick log has, to rebuild what the sampler knew."""
        self._sampled(number, self.sampler, derive(self.spec.search.seed, "ask", number, 0))

    def take(self, number: int, values: dict[str, Value]) -> None:
        """Give a trial its values."""
        self.experience.put(number, values)
        self.tried.add(self.space.configuration(values))

    def _candidates(self, number: int) -> Any:
        yield from self._enqueued
        if self._grid is not None:
            yield from self._grid
            return
        if self.sampler.name == "qmc":
            yield self._quasi_random(number)
        else:
            for attempt in range(ATTEMPTS):
                yield self._sampled(
                    number, self.sampler, derive(self.spec.search.seed, "ask", number, attempt)
                )
        for attempt in range(ATTEMPTS, 100 * ATTEMPTS):
            yield self._drawn(derive(self.spec.search.seed, "ask", number, attempt))
        if math.isfinite(self.space.size()):
            yield from self.space.grid()

    def _sampled(self, number: int, component: Component, seed: int) -> dict[str, Value]:
        study, trial = self.experience.study(), self.experience.frozen(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampler = SAMPLERS[component.name](component, seed % 2**32)
            relative_space = sampler.infer_relative_search_space(study, trial)
            relative = sampler.sample_relative(study, trial, relative_space)
            distributions = self.experience.distributions

            def choose(parameter: Parameter) -> Value:
                name = parameter.name
                if name in relative:
                    chosen: Value = relative[name]
                else:
                    chosen = sampler.sample_independent(study, trial, name, distributions[name])
                return chosen

            return self._values(choose)

    def _drawn(self, seed: int) -> dict[str, Value]:
        uniform = np.random.default_rng(seed)
        return self._values(lambda parameter: _at(parameter, uniform.random()))

    def _quasi_random(self, number: int) -> dict[str, Value]:
        """Give a point of one scrambled Sobol sequence, a dimension for each parameter, active or not."""
        from scipy.stats import qmc

        names = [parameter.name for parameter in self.space.parameters]
        seed = derive(self.spec.search.seed, "qmc") % 2**32
        sequence = qmc.Sobol(max(len(names), 1), scramble=True, rng=seed)
        with warnings.catch_warnings():
            # Points are taken one by one, so SciPy's remark on powers of two does not apply.
            warnings.simplefilter("ignore")
            if number:  # SciPy cannot go forward by nothing.
                sequence.fast_forward(number)
            point = sequence.random(1)[0]
        at = dict(zip(names, point.tolist(), strict=False))
        return self._values(lambda parameter: _at(parameter, at[parameter.name]))

    def _values(self, choose: Callable[[Parameter], Value]) -> dict[str, Value]:
        values: dict[str, Value] = {}

        def remember(parameter: Parameter) -> Value:
            values[parameter.name] = choose(parameter)
            return values[parameter.name]

        self.space.configure(remember)
        return values


def _at(parameter: Parameter, share: float) -> Value:
    """Give the value of a distribution at a share in [0, 1) of its probability."""
    if not _wide(parameter.distribution):
        return parameter.value_at(int(share * parameter.count))
    distribution = parameter.distribution
    assert isinstance(distribution, Numeric)  # noqa: S101 - choices always have a list of values
    low, high = float(distribution.low), float(distribution.high)
    if distribution.integer:
        low, high = low - 0.5, high + 0.5
    if distribution.log:
        value = float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))
    else:
        value = low + share * (high - low)
    # Rounding can leave the range by a hair.
    return min(max(round(value) if distribution.integer else value, distribution.low), distribution.high)


def _wide(distribution: Any) -> bool:
    """Tell whether the values of a distribution are better computed than listed."""
    return isinstance(distribution, Numeric) and (distribution.log or distribution.step is None)
