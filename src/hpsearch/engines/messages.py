"""What a worker is told and what it tells: plain data that crosses processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from hpsearch.data import Preprocessing, RawData
from hpsearch.data.stream import Stream
from hpsearch.data.summary import DataSummary
from hpsearch.spec.sections.constraints import Constraint
from hpsearch.spec.sources.donor_file import DonorFile
from hpsearch.training.column_effects import ColumnEffect
from hpsearch.training.column_importance import ColumnImportance
from hpsearch.training.decisions import Decisions
from hpsearch.training.evaluation import Evaluation, Part
from hpsearch.training.messages import EpochReport, MemberState, RefitRun, SplitName
from hpsearch.training.slices import Slices
from hpsearch.training.threshold import Threshold


@dataclass(frozen=True)
class Job:
    """What a worker needs to open a study.

    Attributes:
        spec: The study file as plain data.
        directory: Where relative paths in it start from.
        data_dir: Where data sets are kept.
        width: How many members train side by side, if that is decided already.
        model_code: The fingerprint of the Python files that the study runs.
        place: The number of the worker in its pool.
        workers: The size of the pool.
        donors: The saved models that the study reuses.
        probes: Whether networks are probed, if that is decided already.
        vmapped: Whether members train in one call, if that is decided already.
        timed: Whether the training times of members are compared, so that none may train beside another.
        trainer: That of an earlier run: empty where that did not tell, None where there was none.
        target_transform: That of an earlier run, where the study file does not say it; None on the first.
        explores: Whether to run the files of models for what they search, where that is not known.
        moved: Where files of models lie on the worker's machine, by their paths at the coordinator.
        raw_data: The rows, where they were loaded for the worker.
        stream: What gives the training rows, to a worker in this process; None where they are loaded.
        streamed: What was known of it when the study began.
    """

    spec: dict[str, Any]
    directory: str
    data_dir: str | None = None
    width: int | None = None
    model_code: str | None = None
    place: int = 0
    workers: int = 1
    donors: tuple[DonorFile, ...] = ()
    probes: bool | None = None
    vmapped: bool | None = None
    timed: bool = False
    trainer: str | None = None
    target_transform: str | None = None
    explores: bool = False
    moved: Mapping[str, str] = field(default_factory=dict)
    raw_data: RawData | None = None
    stream: Stream | None = None
    streamed: str | None = None


@dataclass(frozen=True)
class OpenedStudy:
    """What a worker found when it opened a study; `train_rows` are those of its smallest training part.

    `model` is the model section with what its files search; None where that was known.
    """

    data: DataSummary
    decisions: Decisions
    versions: dict[str, str]
    notes: tuple[str, ...] = ()
    train_rows: int = 0
    model: Any = None


@dataclass(frozen=True)
class Start:
    """Take a member on: as plain data, and where it was; a winner with how it is trained once more.

    One that has more or fewer parameters than `limits` allow is not trained.
    """

    member: dict[str, Any]
    state: MemberState | None = None
    refit: RefitRun | None = None
    limits: tuple[Constraint, ...] = ()


@dataclass(frozen=True)
class TickOrder:
    """One tick: members to let go, to take on, and to advance by one epoch, and states to give then.

    With more than one of `epochs` the members go on, until one of them ends or a moment is over: for epochs
    that are shorter than the way to the coordinator and back.
    """

    stop: tuple[int, ...] = ()
    start: tuple[Start, ...] = ()
    advance: tuple[int, ...] = ()
    epochs: int = 1
    snapshot: tuple[int, ...] = ()


@dataclass(frozen=True)
class TickResult:
    """What a tick gave: a report for each member that advanced, and the states that were asked for."""

    reports: tuple[EpochReport, ...]
    states: dict[int, MemberState] = field(default_factory=dict)
    snapshot_seconds: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class WeightsOrder:
    """Give the weights of a member's best epoch."""

    number: int


@dataclass(frozen=True)
class ExportOrder:
    """Save a configuration with its weights as a `.keras` file that takes raw rows.

    Attributes:
        configuration: As plain data.
        weights: By name.
        path: Where to.
        seed: Of the trial.
        split: The rows that it was trained on, whose scaling becomes part of the model.
    """

    configuration: dict[str, Any]
    weights: dict[str, NDArray[Any]]
    path: str
    seed: int = 0
    split: SplitName = None


@dataclass(frozen=True)
class WinnerOrder:
    """Save the winner, and evaluate it once on raw rows.

    Attributes:
        export: What to save.
        part: The part to evaluate it on; None if that was done before.
        seen: The SHA-256 of weights that have been evaluated on the test set, which is not done again.
        threshold: The scorer by which a threshold is chosen; None for none.
    """

    export: ExportOrder
    part: Part | None
    seen: tuple[str, ...] = ()
    threshold: str | None = None


@dataclass(frozen=True)
class SavedWinner:
    """The winner as it was saved.

    Attributes:
        weights: The SHA-256 of its weights.
        preprocessing: What applies it to new rows.
        evaluation: None if none was asked for.
        problem: Why the evaluation failed.
        columns: On which columns of a table it relies there.
        effects: How its prediction moves with the most important of them.
        threshold: What tells two classes apart; None for one half.
        slices: Where it is better or worse there than elsewhere; None where nothing was found.
    """

    weights: str
    preprocessing: Preprocessing
    evaluation: Evaluation | None = None
    problem: str | None = None
    columns: tuple[ColumnImportance, ...] = ()
    effects: tuple[ColumnEffect, ...] = ()
    threshold: Threshold | None = None
    slices: Slices | None = None


@dataclass(frozen=True)
class ProbeOrder:
    """Measure the hidden layers of a perceptron, the mean over seeds, on the first rows of the training set.

    Its weights are the first ones that each seed gives it, or the present ones of the `members` under way.
    """

    configuration: dict[str, Any]
    seeds: tuple[int, ...]
    rows: int = 512
    members: tuple[int, ...] | None = None


@dataclass(frozen=True)
class EnsembleOrder:
    """Join trials to one model, and save it as a `.keras` file that takes raw rows.

    Attributes:
        numbers: Those of the trials, the best first.
        candidates: The trials in that order; their paths are not used.
        members: The largest size.
        path: Where to save it.
        winner: What it is held against on the test part; None where that is not to be looked at.
        threshold: The scorer by which a threshold is chosen; None for none.
    """

    numbers: tuple[int, ...]
    candidates: tuple[ExportOrder, ...]
    members: int
    path: str
    winner: ExportOrder | None = None
    threshold: str | None = None

    def numbered(self) -> Iterator[tuple[int, ExportOrder]]:
        """Iterate over the numbers of the trials and what they are."""
        return zip(self.numbers, self.candidates, strict=True)


Order = TickOrder | WeightsOrder | ExportOrder | WinnerOrder | ProbeOrder | EnsembleOrder
