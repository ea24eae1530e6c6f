"""What a worker is told and what it tells: plain data that crosses processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from hpsearch.data import Preprocessing
from hpsearch.data.summary import DataSummary
from hpsearch.spec.sources.donor_file import DonorFile
from hpsearch.training.decisions import Decisions
from hpsearch.training.evaluation import Evaluation, Part
from hpsearch.training.messages import EpochReport, MemberState, RefitRun, SplitName


@dataclass(frozen=True)
class Job:
    """What a worker needs to open a study: the spec as plain data, and where its data are.

    `width`, `vmapped` and `probes` are those of an earlier run of the study, which hold; `model_code` the
    fingerprint of the Python files that the study runs, `donors` the saved models that it reuses; `place` is
    that of the worker among the `workers` of its pool. It is `timed` how long members take to be compared.
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


@dataclass(frozen=True)
class OpenedStudy:
    """What a worker found when it opened a study; `train_rows` are those of its smallest training part."""

    data: DataSummary
    decisions: Decisions
    versions: dict[str, str]
    notes: tuple[str, ...] = ()
    train_rows: int = 0


@dataclass(frozen=True)
class Start:
    """Take a member on: as plain data, and where it was; a winner with how it is trained once more."""

    member: dict[str, Any]
    state: MemberState | None = None
    refit: RefitRun | None = None


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


@dataclass(frozen=True)
class WeightsOrder:
    """Give the weights of a member's best epoch."""

    number: int


@dataclass(frozen=True)
class ExportOrder:
    """Save a configuration with its weights, of a trial's seed, as a `.keras` file that takes raw rows.

    `split` names the rows that it was trained on, which its scaling is of.
    """

    configuration: dict[str, Any]
    weights: dict[str, NDArray[Any]]
    path: str
    seed: int = 0
    split: SplitName = None


@dataclass(frozen=True)
class WinnerOrder:
    """Save the winner as its `export` says, and evaluate it once on a part of the data, on raw rows.

    `part` is None where it was evaluated before; a model whose weights are among those that have `seen` the
    test set is not evaluated there again.
    """

    export: ExportOrder
    part: Part | None
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class SavedWinner:
    """The winner as it was saved: the SHA-256 of its weights, and what it takes to apply it to new rows.

    `evaluation` is None where none was asked for; `problem` says why one failed.
    """

    weights: str
    preprocessing: Preprocessing
    evaluation: Evaluation | None = None
    problem: str | None = None


@dataclass(frozen=True)
class ProbeOrder:
    """Measure the hidden layers of a perceptron, the mean over seeds, on the first rows of the training set.

    Its weights are the first ones that each seed gives it, or the present ones of the `members` under way.
    """

    configuration: dict[str, Any]
    seeds: tuple[int, ...]
    rows: int = 512
    members: tuple[int, ...] | None = None


Order = TickOrder | WeightsOrder | ExportOrder | WinnerOrder | ProbeOrder
