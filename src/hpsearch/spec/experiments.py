"""What the trials of a study are: what is varied, how many there are, and what their values stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, Literal

from hpsearch.seeds import derive
from hpsearch.spec import Choice, Compare, Configuration, Numeric, StudySpec
from hpsearch.spec.sections.search import PRUNERS, SAMPLERS, Search
from hpsearch.spec.space.arms import Arms, arms_of
from hpsearch.spec.space.parameter import Parameter, Value
from hpsearch.spec.space.space import SearchSpace

Kind = Literal["search", "comparison", "confirmation", "ablation"]

ARM, REPLICATE = "arm", "replicate"

SIDES = DEFAULT, WINNER = "default", "winner"
"""What a place of an ablation can have."""

MAX_REPLICATES = 1_000

REPLICATES = Parameter(REPLICATE, Numeric(0, MAX_REPLICATES - 1, integer=True))


class Experiment(ABC):
    """The trials of a study.

    `spec` has the budget and the rules that hold while they run; `parameters` is what a trial has values of.
    """

    def __init__(self, spec: StudySpec) -> None:
        self.spec = spec

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """List what a trial has values of."""

    @abstractmethod
    def configuration(self, values: Mapping[str, Value]) -> Configuration:
        """Return the configuration that values stand for."""

    @abstractmethod
    def seed(self, number: int, values: Mapping[str, Value]) -> int:
        """Derive the seed of a trial."""

    def split(self, values: Mapping[str, Value]) -> int | None:  # noqa: ARG002 - of a confirmation by them
        """Derive the seed of the split that a trial is trained on; None for the study's own."""
        return None

    @property
    def trained(self) -> StudySpec:
        """The study as its workers see it: every model and training that a trial can have."""
        return self.spec

    @property
    def keep(self) -> int:
        """Count the best models that are kept."""
        return self.spec.search.keep

    @property
    def gives_up(self) -> bool:
        """Return whether it ends where its first trials all fail for one cause."""
        return True


class SearchExperiment(Experiment):
    """A search: every trial has another configuration of the search space, and a seed of its own."""

    def __init__(self, spec: StudySpec) -> None:
        super().__init__(spec)
        self._last: tuple[Any, Configuration | None] = None, None

    @cached_property
    def space(self) -> SearchSpace:
        """The search space."""
        return SearchSpace(self.spec)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return self.space.parameters

    def configuration(self, values: Mapping[str, Value]) -> Configuration:
        # Scheduler and state ask for that of one trial in turn, and to make it takes a millisecond.
        named = [(name, type(value), value) for name, value in values.items()]
        known, last = self._last
        if last is None or known != named:
            last = self.space.configuration(values)
            self._last = named, last
        return last

    def seed(self, number: int, values: Mapping[str, Value]) -> int:  # noqa: ARG002 - of a search by its number
        return derive(self.spec.search.seed, "trial", number)

    @property
    def keep(self) -> int:
        ensemble = self.spec.ensemble
        return max(self.spec.search.keep, 0 if ensemble is None else ensemble.candidates)


class Comparison(Experiment):
    """A comparison: every arm is trained from the same seeds, one for each replicate.

    The trials go round: all arms from the first seed, then all from the second.
    """

    @cached_property
    def arms(self) -> Arms:
        """The arms."""
        return arms_of(self.spec)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        names = tuple(arm.name for arm in self.arms.arms)
        return (Parameter(ARM, Choice(names), structural=True), REPLICATES)

    def values(self, number: int) -> dict[str, Value]:
        """Return the arm and the replicate of a trial."""
        replicate, place = divmod(number, len(self.arms.arms))
        return {ARM: self.arms.arms[place].name, REPLICATE: replicate}

    def configuration(self, values: Mapping[str, Value]) -> Configuration:
        return self.arms[str(values[ARM])].configuration

    def seed(self, number: int, values: Mapping[str, Value]) -> int:  # noqa: ARG002 - the same for every arm
        return derive(self.spec.search.seed, REPLICATE, int(values[REPLICATE]))

    @property
    def keep(self) -> int:
        # The best of its trials is the luckiest.
        return 0

    @property
    def trained(self) -> StudySpec:
        configurations = [arm.configuration for arm in self.arms.arms]
        update = {
            "model": _one_of(configuration.model for configuration in configurations),
            "training": _one_of(configuration.training for configuration in configurations),
            "compare": None,
        }
        return self.spec.model_copy(update=update)


class Confirmation(Comparison):
    """A confirmation: the finalists of a search are the arms, and a race decides who is trained next."""

    def seed(self, number: int, values: Mapping[str, Value]) -> int:  # noqa: ARG002 - the same for every arm
        return derive(self.spec.search.seed, "confirm", int(values[REPLICATE]))

    def split(self, values: Mapping[str, Value]) -> int | None:
        if self.spec.confirm.splits == "own":
            return None
        return derive(self.spec.search.seed, "split", int(values[REPLICATE]))


class Ablation(Experiment):
    """An ablation: in each place that changes stands the default or the winner's value.

    The spec has a choice of the two in each such place and is fixed elsewhere, as `ablation_space` gives it;
    its `compare` section has the number of replicates. All configurations are trained from the same seeds,
    which neither the search nor its confirmation has met.
    """

    @cached_property
    def space(self) -> SearchSpace:
        """The choices."""
        return SearchSpace(self.spec)

    @property
    def changes(self) -> tuple[str, ...]:
        """Name the places that change, in the order of the study file."""
        return tuple(parameter.name for parameter in self.space.parameters)

    @property
    def replicates(self) -> int:
        """Count the seeds from which each configuration is trained."""
        return (self.spec.compare or Compare()).replicates

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        sides = (Parameter(p.name, Choice(SIDES), structural=p.structural) for p in self.space.parameters)
        return (*sides, REPLICATES)

    def values(self, made: Collection[str], replicate: int) -> dict[str, Value]:
        """Return the values of a run in which some of the changes are made."""
        sides: dict[str, Value] = {name: WINNER if name in made else DEFAULT for name in self.changes}
        return {**sides, REPLICATE: replicate}

    def made(self, values: Mapping[str, Value]) -> frozenset[str]:
        """Name the changes that are made in a run."""
        return frozenset(name for name in self.changes if values[name] == WINNER)

    def configuration(self, values: Mapping[str, Value]) -> Configuration:
        return self.space.configure(lambda place: place.options[SIDES.index(str(values[place.name]))])

    def seed(self, number: int, values: Mapping[str, Value]) -> int:  # noqa: ARG002 - the same for all
        return derive(self.spec.search.seed, "ablate", int(values[REPLICATE]))

    @property
    def keep(self) -> int:
        # What is looked for are differences, and the winner's model is kept already.
        return 0

    @property
    def gives_up(self) -> bool:
        # Where the default fails, the next rounds are nearer to the winner, which does not.
        return False


def _one_of(options: Iterable[Any]) -> Any:
    distinct = tuple(dict.fromkeys(options))
    return distinct[0] if len(distinct) == 1 else Choice(distinct)


def prepare(spec: StudySpec, kind: Kind) -> StudySpec:
    """Return the spec that a kind of experiment runs by: with its own budget and rules.

    A search ignores the `compare` section; a comparison trains every arm to its end.

    Raises:
        StudyFileError: The arms of a comparison are invalid, or there are too many.
    """
    if kind == "search":
        return spec.model_copy(update={"compare": None})
    compare = spec.compare or Compare()
    return compared(spec, compare, len(arms_of(spec).arms) * compare.replicates)


def compared(spec: StudySpec, compare: Compare, runs: int) -> StudySpec:
    """Return a spec by which arms are compared.

    Args:
        spec: The spec whose metrics, seed and width are kept; its sampler, pruner and budgets are not.
        compare: The section to put in.
        runs: The number of trials. Each is trained to its end.
    """
    kept = ("metric", "metrics", "trial_timeout", "seed", "width", "probes")
    rules = {name: getattr(spec.search, name) for name in kept}
    search = Search(
        trials=runs, sampler=SAMPLERS["grid"](), pruner=PRUNERS["none"](), portfolio="off", **rules
    )
    return spec.model_copy(update={"compare": compare, "search": search})


def experiment_of(spec: StudySpec, kind: Kind) -> Experiment:
    """Return the experiment of a prepared spec."""
    return KINDS[kind](spec)


KINDS: dict[Kind, type[Experiment]] = {
    "search": SearchExperiment,
    "comparison": Comparison,
    "confirmation": Confirmation,
    "ablation": Ablation,
}
