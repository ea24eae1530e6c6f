"""A study file with comments that runs as it stands, from a look at the data."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.data import Dataset, load_dataset
from hpsearch.exceptions import UnsupportedError
from hpsearch.report.words.columns import column_lines
from hpsearch.spec import Data
from hpsearch.spec.sections.study import why_no_directory
from hpsearch.spec.study_file.loading import study_file_of
from hpsearch.spec.study_file.source import parse
from hpsearch.spec.study_file.text import clean, is_clean
from hpsearch.study.draft.network import Network, Rows, network_of, rows_of
from hpsearch.study.draft.source import DataSource, source_of
from hpsearch.study.inspection import Inspection, inspect

FEW = 1_000
"""Rows below which one validation part says little: they are validated on in folds."""

FOLDS = 5
FEWEST_TESTED = 200
"""Rows from which on some can be kept for the test."""

RARE = 0.2
"""The share of the rarer of two classes below which it is told; of more classes, in proportion."""

PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
"""Words that need no quotes, unless YAML has them for something else."""

BATCHES = ((2_000, 32), (10_000, 64), (50_000, 128))


@dataclass(frozen=True)
class Draft:
    """A study file that was written for somebody's data.

    Attributes:
        text: The file.
        inspection: What is found of it and its data, as `hpsearch validate` does.
    """

    text: str
    inspection: Inspection


def draft_study(
    given: str | None,
    target: str | None,
    file: Path | None = None,
    data_dir: Path | None = None,
) -> tuple[Path, Draft]:
    """Write a study file for data, and check it with them.

    Args:
        given: A file, a folder of images, or a data set that comes along; None for the only one here.
        target: The column to predict, of a table; None to guess it.
        file: Where the study file will stand; None for a file named after the data.
        data_dir: Where data sets are kept.

    Returns:
        Where the file belongs, and what is in it.

    Raises:
        HpsearchError: The data cannot be read, or are nothing that a study could begin with.
    """
    directory = Path() if file is None else file.parent
    source = source_of(given, target, directory)
    name = _name(source.name if file is None else file.stem)
    source = replace(source, name=name)
    dataset = load_dataset(Data.model_validate(source.section), directory, data_dir)
    if dataset.inputs is not None or dataset.target_layout is not None:
        raise UnsupportedError(
            "these arrays are several inputs or targets, which only a model in Python takes "
            "(docs/study_file.md, Models in Python)."
        )
    place = file or Path(f"{name}.yaml")
    text = "\n".join(_lines(source, dataset, shlex.quote(str(place)))) + "\n"
    study = study_file_of(parse(text, str(place)), directory)
    return place, Draft(text, inspect(study, data_dir))


def _name(wanted: str) -> str:
    """Return a name for a study and its file that needs no quotes anywhere."""
    name = re.sub(r"[^\w-]+", "_", wanted).strip("_")[:40]
    return name if name and why_no_directory(name) is None else "study"


def _lines(source: DataSource, dataset: Dataset, place: str) -> Iterator[str]:
    network = network_of(dataset)
    yield "# A first study of these data: it runs as it stands, and everything in it may be changed."
    yield f"# `hpsearch validate {place}` checks it, `hpsearch optimize {place}` runs it."
    yield f"name: {source.name}"
    yield from _data(source, dataset)
    yield network.text.rstrip()
    yield from _training(network, dataset)
    yield from _search(network, dataset)


def _data(source: DataSource, dataset: Dataset) -> Iterator[str]:
    fields = {**source.section, **_prepared(dataset), **_parts(dataset)}
    comments = {
        "validation": "by which configurations are compared",
        "test": "seen once, by the winner",
        "standardize": "mean 0 and deviation 1 by the training rows",
        **source.comments,
    }
    yield "data:"
    for name, value in fields.items():
        yield _line(name, value, comments.get(name, ""))
    if dataset.doubtful:
        yield f"  # task: regression   # the target's {dataset.outputs} whole numbers are taken for classes"
    if dataset.columns:
        yield from _columns(dataset)
    yield from (_comment(f"note: {note}") for note in dataset.notes)


def _prepared(dataset: Dataset) -> dict[str, Any]:
    """Return how the features are scaled."""
    rows = rows_of(dataset)
    if rows is Rows.images:
        return {"rescale": "1/255"} if dataset.unscaled.x.max() > 1 else {}
    return {"standardize": True} if rows is not Rows.tokens and not dataset.unscaled.whole else {}


def _parts(dataset: Dataset) -> dict[str, Any]:
    """Return how the rows are split."""
    total = len(dataset.unscaled.y)
    counts = np.bincount(dataset.unscaled.y) if dataset.task == "classification" else np.array([total])
    small = total < FEW and rows_of(dataset) is Rows.features and counts[counts > 0].min() >= 2 * FOLDS
    parts: dict[str, Any] = {"validation": {"folds": FOLDS} if small else 0.2}
    if dataset.held_out is None and total >= FEWEST_TESTED:
        parts["test"] = 0.2
    return parts


def _columns(dataset: Dataset) -> Iterator[str]:
    """Tell what the columns are, and how to say it otherwise."""
    yield _comment(
        "What a column is can be said, as in columns: {NAME: category}; else it is taken as follows."
    )
    yield from (_comment(f"  {line}") for line in column_lines(dataset.columns, most=30))
    dates = [column.name for column in dataset.columns if column.kind == "date"]
    if dates:
        yield _line("# time", dates[0], "with 'validation: 0.2', the latest rows validate")


def _training(network: Network, dataset: Dataset) -> Iterator[str]:
    rows = dataset.train_rows
    batch = next((size for limit, size in BATCHES if rows < limit), 256)
    yield "training:"
    yield _line("optimizer", "adam")
    yield f"  learning_rate: {network.rate}"
    yield "  schedule: {choice: [constant, cosine]}"
    yield _line("epochs", network.epochs)
    yield _line("batch_size", batch)
    yield _line("early_stopping", {"patience": max(3, network.epochs // 5)})
    if dataset.task == "classification":
        counts = np.bincount(dataset.unscaled.y, minlength=len(dataset.labels))
        share = counts.min() / counts.sum()
        if share < 2 * RARE / len(dataset.labels):
            rarest = dataset.labels[int(counts.argmin())]
            yield _comment(f"class_weight: balanced   # the class {rarest} is {share:.1%} of the rows")


def _search(network: Network, dataset: Dataset) -> Iterator[str]:
    yield "search:"
    others = "val_accuracy, balanced_accuracy" if dataset.task == "classification" else "val_mae, r2"
    yield _line("metric", "val_loss", f"or {others} and others")
    yield _line("trials", network.trials)
    yield _line("seed", 0)


def _line(name: str, value: Any, comment: str = "") -> str:
    line = f"  {name}: {_flow(value)}"
    return f"{line}   # {comment}" if comment else line


def _comment(text: str) -> str:
    """Write a comment of what may hold names from the data, which must not end the line."""
    return f"  # {clean(text, line=True)}"


def _flow(value: Any) -> str:
    """Write a value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and PLAIN.fullmatch(value) and isinstance(_read(value), str):
        return value
    written = json.dumps(value, ensure_ascii=not is_clean(str(value)))
    return "1/255" if value == "1/255" else written


def _read(text: str) -> Any:
    return parse(text, "").data
