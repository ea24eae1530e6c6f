"""The compiled trainer: every member of a structure through one program."""

from __future__ import annotations

import ctypes
import gc
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jax
import numpy as np
from numpy.typing import NDArray

from hpsearch.data import Dataset, Split
from hpsearch.models.components.objectives import Objective
from hpsearch.models.model import initial_weights
from hpsearch.models.weights import Weights
from hpsearch.training.class_weights import weights_of_classes
from hpsearch.training.compiled.cohort import Cohort, Part, State, stacked, stacked_states
from hpsearch.training.compiled.forward.interface import Arguments
from hpsearch.training.compiled.forward.layered import LayeredForward
from hpsearch.training.compiled.forward.options import ProgramOptions, program_options
from hpsearch.training.compiled.forward.structure import Structure, arguments_of, structure_of
from hpsearch.training.compiled.measurements import Measurer
from hpsearch.training.compiled.program import TARGETS, Program
from hpsearch.training.compiled.row_weights import CLASS_WEIGHTS
from hpsearch.training.interface import EpochPlan, EpochResult, Network, Work
from hpsearch.training.messages import Member
from hpsearch.training.probes.record import LOSS, TrainingProbe
from hpsearch.training.trainer import Trainer

MAX_PROGRAMS = 32
"""Programs that are kept in the process; the least recently used one goes first."""


def give_back_memory() -> None:
    """Let the C library give freed memory back to the system, where it has a call for it."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


class Compiled(NamedTuple):
    """A program, and what measures inside its networks."""

    program: Program
    measurer: Measurer


def compiled_of(structure: Structure, split: Split, objective: Objective, *, keeps: bool) -> Compiled:
    """Make the program of a structure for a split.

    Args:
        structure: What is compiled in.
        split: The rows; only their shapes are compiled in.
        objective: The loss and the metrics.
        keeps: Whether the program returns its predictions for the validation rows, which scorers need.
    """
    forward = LayeredForward(structure, split.train.x.shape[1:], objective)
    program = Program(
        forward, structure.optimization, structure.batch_size, split, objective, keeps_predictions=keeps
    )
    return Compiled(program, Measurer(forward, objective))


class ProgramCache:
    """Programs with their measurers by structure and shapes, bounded."""

    def __init__(self) -> None:
        self._programs: OrderedDict[Any, Compiled] = OrderedDict()

    def get(self, key: Any, make: Callable[[], Compiled]) -> Compiled:
        """Return what is compiled for a key, made if need be."""
        if key in self._programs:
            self._programs.move_to_end(key)
            return self._programs[key]
        if len(self._programs) >= MAX_PROGRAMS:
            self._programs.popitem(last=False)
            # JAX keeps traces and executables of dropped functions until its caches are cleared.
            jax.clear_caches()
            gc.collect()
            give_back_memory()
        self._programs[key] = make()
        return self._programs[key]


class CompiledTrainer(Trainer):
    """Trains members through programs that are compiled once for a structure.

    Members of one structure are trained by one vmapped call if `width` is above 1; a cohort that is not full
    is padded, so that the bits of a member do not depend on the others. Else each has a call of its own.

    Attributes:
        options: What the members can ask for; by default, what each member asks for itself.
        width: How many members one call trains.
        programs: The compiled programs, the least recently used one first.
    """

    def __init__(
        self,
        dataset: Dataset,
        options: ProgramOptions | None = None,
        width: int = 1,
        *,
        threads: int = 1,
        probes: bool = False,
    ) -> None:
        super().__init__(dataset, probes=probes)
        self.options, self.width = options, width
        self.programs = ProgramCache()
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        # A split that is not trained on any more takes its copy on the device with it.
        self._data: WeakKeyDictionary[Split, Any] = WeakKeyDictionary()

    def network(self, member: Member, split: Split) -> Network:
        objective, split = self.objective_of(member.configuration, split), split.trained
        structure = structure_of(member.configuration, self.options or program_options(member.configuration))
        keeps = self.predicts or self.further is not None or not member.metric.startswith("val_")
        numbers = {} if objective.scaling is None else objective.scaling.numbers()
        shapes = (split.train.x.shape, split.validation.x.shape, tuple(numbers), keeps)
        compiled = self.programs.get(
            (structure, shapes), lambda: compiled_of(structure, split, objective, keeps=keeps)
        )
        arguments = arguments_of(member.configuration, structure)
        if structure.options.class_weights:
            labels = self.dataset.labels
            weights = weights_of_classes(member.configuration.training, split.train, labels)
            arguments[CLASS_WEIGHTS] = np.ones(len(labels), np.float32) if weights is None else weights
        if numbers:
            arguments[TARGETS] = numbers
        data = self._on_device(split)
        return CompiledNetwork(compiled, arguments, member, split, objective, data, self.width)

    def train(self, work: Sequence[Work]) -> list[EpochResult]:
        """Train networks for one epoch each: in turn, at once, or in cohorts of the trainer's width."""
        if self.width == 1:
            return super().train(work) if self._pool is None else self._train_at_once(work, self._pool)
        results: dict[int, EpochResult] = {}
        for places in self._cohorts(work):
            results |= zip(places, self._train_cohort([work[place] for place in places]), strict=True)
        return [results[place] for place in range(len(work))]

    def _train_at_once(self, work: Sequence[Work], pool: ThreadPoolExecutor) -> list[EpochResult]:
        """Train networks in threads.

        New programs are compiled before: what is traced goes through Keras' layers and optimizers, which are
        not made for several threads.
        """
        for network, plan in work:
            assert isinstance(network, CompiledNetwork)  # noqa: S101 - we made them
            if not network.program.is_compiled:
                network.program.compile(*network.inputs(plan), network.data)
        return list(pool.map(lambda each: each[0].train(each[1]), work))

    def close(self) -> None:
        super().close()
        if self._pool is not None:
            self._pool.shutdown()

    def _cohorts(self, work: Sequence[Work]) -> Iterator[list[int]]:
        """Group the places of networks that share a program and a split, at most `width` together."""
        groups: dict[tuple[int, int], list[int]] = {}
        for place, (network, _) in enumerate(work):
            assert isinstance(network, CompiledNetwork)  # noqa: S101 - we made them
            groups.setdefault((id(network.program), id(network.data)), []).append(place)
        for places in groups.values():
            for start in range(0, len(places), self.width):
                yield places[start : start + self.width]

    def _train_cohort(self, work: Sequence[Work]) -> list[EpochResult]:
        networks: list[Any] = [network for network, _ in work]
        inputs = [network.inputs(plan) for network, (_, plan) in zip(networks, work, strict=True)]
        states, numbers, predictions = networks[0].run_cohort(inputs)
        cohort = Cohort(states)
        for place, network in enumerate(networks):
            network.now = Part(cohort, place)
        table = np.asarray(numbers)
        kept = [None] * len(work) if predictions is None else np.asarray(predictions)
        return [network.told(table[place], kept[place]) for place, network in enumerate(networks)]

    def _on_device(self, split: Split) -> Any:
        if split not in self._data:
            parts = (split.train, split.validation)
            self._data[split] = tuple(tuple(map(jax.device_put, rows.arrays)) for rows in parts)
        return self._data[split]


def _key(plan: EpochPlan) -> NDArray[np.uint32]:
    return np.array([plan.seed >> 32, plan.seed & 0xFFFFFFFF], np.uint32)


class CompiledNetwork(Network):
    """The state of one network, and the program that moves it."""

    def __init__(
        self,
        compiled: Compiled,
        arguments: Arguments,
        member: Member,
        split: Split,
        objective: Objective,
        data: Any,
        width: int = 1,
    ) -> None:
        self.width = width
        self.configuration = configuration = member.configuration
        self.program, self.measurer = compiled
        self.arguments, self.data, self.objective = arguments, data, objective
        features = split.train.x.shape[1:]
        weights = initial_weights(configuration, features, objective, member.seed)
        accumulator = getattr(configuration.training.optimizer, "initial_accumulator_value", None)
        self.now: State = self.program.first_state(weights, accumulator)
        self.before: State = self.now

    def inputs(self, plan: EpochPlan) -> tuple[Any, ...]:
        """Return what the program takes for an epoch, beside the data."""
        self.before = self.now
        return self._inputs(plan, len(plan.rates))

    def _inputs(self, plan: EpochPlan, steps: int) -> tuple[Any, ...]:
        rates = np.zeros(self.program.steps, np.float32)
        rates[: len(plan.rates)] = plan.rates
        return (self.before, self.arguments, _key(plan), plan.order, rates, np.int32(steps))

    def run_cohort(self, inputs: Sequence[tuple[Any, ...]]) -> tuple[Any, Any, Any]:
        """Run the program for members side by side, each with its inputs."""
        states = stacked_states([state for state, *_ in inputs], self.width)
        others = stacked([rest for _, *rest in inputs], self.width)
        found: tuple[Any, Any, Any] = self.program.cohort_epoch(states, *others, self.data)
        return found

    def train(self, plan: EpochPlan) -> EpochResult:
        self.now, numbers, predictions = self.program.epoch(*self.inputs(plan), self.data)
        return self.told(np.asarray(numbers), predictions)

    def told(self, numbers: NDArray[np.float32], predictions: Any) -> EpochResult:
        """Read what the program gave."""
        score = self.objective.metric
        names = (
            "loss",
            "loss_with_penalties",
            score,
            "val_loss",
            "val_loss_with_penalties",
            f"val_{score}",
        )
        metrics = {name: float(number) for name, number in zip(names, numbers, strict=False)}
        kept = None if predictions is None else np.asarray(predictions)
        return EpochResult(metrics, kept, int(numbers[-1]) or None)

    def measure(self, plan: EpochPlan) -> TrainingProbe:
        rows = np.arange(min(self.program.batch_size, self.program.rows))
        return self._probe(self.now, plan, rows, 0)

    def diagnose(self, plan: EpochPlan, step: int) -> TrainingProbe:
        before = self._step(plan, max(step - 1, 1))
        broken = self._step(plan, step).broken
        if broken is None and step <= len(plan.rates):
            broken = LOSS
        return replace(before, broken=broken)

    def _step(self, plan: EpochPlan, step: int) -> TrainingProbe:
        """Train the last epoch once more up to a step, from 1, and measure in it."""
        state = self._replayed(plan, step - 1) if step > 1 else self.before
        size = self.program.batch_size
        begin = (step - 1) % len(plan.rates) * size
        return self._probe(state, plan, plan.order[begin : begin + size], step - 1)

    def _replayed(self, plan: EpochPlan, steps: int) -> Any:
        """Train so many steps of the last epoch once more, through the program that trained it."""
        return self._run(plan, steps)[0]

    def _run(self, plan: EpochPlan, steps: int) -> tuple[Any, Any, Any]:
        """Run so many steps of an epoch and validate, through the program that trains the network."""
        inputs = self._inputs(plan, steps)
        if self.width == 1:
            return self.program.epoch(*inputs, self.data)
        states, numbers, predictions = self.run_cohort([inputs])
        return Part(Cohort(states), 0), numbers[0], None if predictions is None else predictions[0]

    def _probe(self, state: Any, plan: EpochPlan, rows: NDArray[Any], step: int) -> TrainingProbe:
        key = _key(plan) + np.array([step, 0], np.uint32)
        batch = [part[rows] for part in self.data[0]]
        return self.measurer.probe(self.configuration, dict(state), self.arguments, key, batch)

    def weights(self) -> Any:
        return {**self.program.results(self.now), **self.now["moving"]}

    def predictions_by(self, weights: Weights) -> NDArray[Any]:
        self.before = self.now = self.program.state_with(weights, self.now)
        plan = EpochPlan(1, np.arange(self.program.rows, dtype=np.int32), np.zeros(0, np.float32), 0)
        return np.asarray(self._run(plan, 0)[2])

    def arrays_of(self, weights: Any) -> Weights:
        return {name: np.asarray(value) for name, value in weights.items()}

    def hold(self, weights: Weights) -> Any:
        return dict(weights)

    def state(self) -> dict[str, NDArray[Any]]:
        now = self.now
        optimizer = {f"optimizer/{index}": value for index, value in enumerate(now["optimizer"])}
        moved = {**optimizer, **now["weights"], **now["moving"]}
        return {name: np.asarray(value) for name, value in moved.items()}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.now = {
            "weights": {name: arrays[name] for name in self.now["weights"]},
            "moving": {name: arrays[name] for name in self.now["moving"]},
            "optimizer": [arrays[f"optimizer/{index}"] for index in range(len(self.now["optimizer"]))],
        }
