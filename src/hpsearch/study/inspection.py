"""What can be known of a study before anything is trained: its data, and whether they suit the rest of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hpsearch.data import Dataset, load_dataset
from hpsearch.data.summary import ColumnSummary, DataSummary
from hpsearch.engines.policy.architectures import check_images
from hpsearch.engines.policy.backend import backend_of
from hpsearch.engines.policy.ensemble import check_ensemble
from hpsearch.engines.policy.further_metrics import check_further
from hpsearch.engines.policy.inputs import check_inputs
from hpsearch.engines.policy.layer_axes import layer_problems
from hpsearch.engines.policy.loss import check_class_weights, check_loss, notes_on_losses
from hpsearch.engines.policy.metric import check_metric
from hpsearch.engines.policy.target_transform import (
    check_clamp,
    check_transform,
    note_on_targets,
    with_target_transform,
)
from hpsearch.engines.policy.targets import target_problems
from hpsearch.engines.policy.threshold import check_threshold
from hpsearch.exceptions import DataError, UnsupportedError
from hpsearch.report.words.columns import column_lines
from hpsearch.spec import StudyFile, StudySpec
from hpsearch.spec.experiments import Kind, SearchExperiment, experiment_of, prepare
from hpsearch.spec.sources.python_file import model_code, read_code
from hpsearch.spec.study_file.distributions import alternatives, bounds
from hpsearch.spec.study_file.problems import placed
from hpsearch.study.prerequisites import check_donors

UNSUITED = (DataError, UnsupportedError)
"""What is raised of data, and of what does not suit them."""


@dataclass(frozen=True)
class Inspection:
    """The data of a study in numbers, and what is allowed but may not be meant.

    Attributes:
        data: The data in numbers.
        notes: What may not be meant.
        columns: The columns of a table.
    """

    data: DataSummary
    notes: tuple[str, ...]
    columns: tuple[ColumnSummary, ...] = ()

    def lines(self) -> list[str]:
        """Tell all of it: a line for the data, one for each column, and one for each note."""
        data = self.data
        shape = " x ".join(f"{size:,}" for size in data.features)
        told = f"{shape} feature{'' if data.features == (1,) else 's'}"
        parts = [f"{data.train_rows:,} rows to train on", f"{data.validation_rows:,} to validate on"]
        if data.folds > 1:
            parts[1] += f" in each of {data.folds} folds"
        if data.test_rows:
            parts.append(f"{data.test_rows:,} to test on")
        task = f"{len(data.labels)} classes" if data.labels else data.task
        if task == "multitask":
            task = f"targets: {', '.join(data.targets)}"
        elif data.outputs > 1 and not data.labels:
            task += f" of {data.outputs:,} {'labels' if task == 'multilabel' else 'numbers'}"
        first = f"data: {', '.join(parts)}; {told}; {task}"
        return [first, *column_lines(self.columns), *(f"note: {note}" for note in self.notes)]


CHECKS: dict[tuple[str | int, ...], Callable[[StudySpec, Dataset], None]] = {
    ("search", "metric"): check_metric,
    ("search", "metrics"): check_further,
    ("search", "threshold"): check_threshold,
    ("training", "loss"): check_loss,
    ("ensemble",): check_ensemble,
    ("training", "class_weight"): check_class_weights,
}
"""What has to suit the data, by its place in the study file."""


def inspect(study: StudyFile, data_dir: Path | None = None) -> Inspection:
    """Load the data of a study and check everything that training would refuse; no code of the study is run.

    Args:
        study: The study file.
        data_dir: Where data sets are kept.

    Raises:
        HpsearchError: The data cannot be loaded, or the study does not suit them; with the line of the study
            file.
    """
    kind: Kind = "search" if study.spec.compare is None else "comparison"
    spec = prepare(study.spec, kind)
    with placed(study.source):
        read_code(model_code(spec, study.directory))
        check_donors(study)
    with placed(study.source, ("training", "backend"), UNSUITED):
        backend_of(spec)
    experiment = experiment_of(spec, kind)
    if isinstance(experiment, SearchExperiment):
        from hpsearch.scheduling.samplers import check_sampler

        with placed(study.source, ("search", "sampler"), UNSUITED):
            check_sampler(spec, experiment.space)
    spec, dataset = _with_data(study, spec, data_dir)
    with placed(study.source, ("model",), UNSUITED):
        check_inputs(spec, dataset)
    for place, told in target_problems(spec, dataset):
        with placed(study.source, place, UNSUITED):
            raise UnsupportedError(told)
    for place, check in CHECKS.items():
        with placed(study.source, place, UNSUITED):
            check(spec, dataset)
    with placed(study.source, ("model",), UNSUITED):
        check_images(spec, dataset)
    for place, told in layer_problems(spec, dataset.features):
        with placed(study.source, place, UNSUITED):
            raise UnsupportedError(told)
    return Inspection(dataset.summary(), tuple(_notes(spec, dataset)), dataset.columns)


def _with_data(study: StudyFile, spec: StudySpec, data_dir: Path | None) -> tuple[StudySpec, Dataset]:
    """Load the data of a study, whose targets are transformed as is decided for it."""
    with placed(study.source, ("data", "target_transform"), UNSUITED):
        decided = with_target_transform(spec)
    with placed(study.source, ("data",), UNSUITED):
        dataset = load_dataset(decided.data, study.directory, data_dir)
    with placed(study.source, ("data", "target_transform"), UNSUITED):
        check_transform(spec, dataset)
    with placed(study.source, ("data", "clamp"), UNSUITED):
        check_clamp(decided, dataset)
    return decided, dataset


def _notes(spec: StudySpec, dataset: Dataset) -> Iterator[str]:
    yield from dataset.notes
    transformed = note_on_targets(spec, dataset)
    if transformed is not None:
        yield transformed
    yield from notes_on_losses(spec, scaled=transformed is not None)
    largest = max(int(bounds(training.batch_size)[1]) for training in alternatives(spec.training))
    if largest > dataset.train_rows:
        yield (
            f"training.batch_size: {largest:,} is more than the {dataset.train_rows:,} rows to train on: an"
            " epoch is one step over all of them"
        )
    if dataset.doubtful:
        yield (
            f"data.task: the {dataset.outputs} distinct whole numbers of the target are treated as "
            "classes; if they are a quantity, write 'task: regression'"
        )
