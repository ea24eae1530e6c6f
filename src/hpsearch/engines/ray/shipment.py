"""What crosses between machines that share no disk: the files of a study there, its models back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpsearch.data import RawData, load_raw_data
from hpsearch.engines.messages import EnsembleOrder, ExportOrder, Job, Order, WinnerOrder
from hpsearch.engines.policy.backend import backend_of
from hpsearch.engines.process.imports import choose_backend
from hpsearch.exceptions import ModelCodeError
from hpsearch.spec import StudySpec
from hpsearch.spec.sources.python_file import model_code

MOST_NEIGHBOURS = 1_000
"""Python files beside that of a model that go along: it may import them."""


@dataclass(frozen=True)
class Shipment:
    """What a study reads, placed once: its rows, and its files by their paths at the coordinator."""

    raw_data: RawData
    files: Mapping[str, bytes]


def packed(job: Job) -> Shipment:
    """Read what a study reads, where its files are.

    Raises:
        HpsearchError: It cannot be read.
    """
    spec, directory = StudySpec.model_validate(job.spec), Path(job.directory)
    backend = backend_of(spec)
    choose_backend("jax" if backend == "auto" else backend)
    data_dir = None if job.data_dir is None else Path(job.data_dir)
    rows = load_raw_data(spec.data, directory, data_dir)
    paths = [Path(donor.path) for donor in job.donors]
    for code in model_code(spec, directory):
        neighbours = sorted(code.path.parent.glob("*.py"))[:MOST_NEIGHBOURS]
        paths += [code.path, *neighbours]
    return Shipment(rows, {str(path): _content(path) for path in dict.fromkeys(paths)})


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failure:
        raise ModelCodeError(f"{path}: it cannot be sent to a worker: {failure.strerror}") from None


def unpacked(job: Job, shipment: Shipment, directory: Path) -> Job:
    """Write the files of a study into a directory, and return its job as it is to be done from there."""
    moved = {path: str(directory / Path(path).relative_to(Path(path).anchor)) for path in shipment.files}
    for path, content in shipment.files.items():
        target = Path(moved[path])
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    donors = tuple(replace(donor, path=moved[donor.path]) for donor in job.donors)
    return replace(job, donors=donors, moved=moved, raw_data=shipment.raw_data)


@dataclass(frozen=True)
class Delivery:
    """The result of an order that writes a file, with what the file holds."""

    result: Any
    path: str
    content: bytes

    def received(self) -> Any:
        """Write the file where it was ordered, and return the result."""
        Path(self.path).write_bytes(self.content)
        return self.result


def written_path(order: Order) -> str | None:
    """Return the file that an order writes; None where it writes none."""
    if isinstance(order, WinnerOrder):
        return order.export.path
    return order.path if isinstance(order, ExportOrder | EnsembleOrder) else None


def written_to(order: Order, path: Path) -> Order:
    """Return an order that writes its file elsewhere."""
    if isinstance(order, WinnerOrder):
        return replace(order, export=replace(order.export, path=str(path)))
    return replace(order, path=str(path)) if isinstance(order, ExportOrder | EnsembleOrder) else order
