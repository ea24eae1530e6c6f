"""Whether networks are probed while they train, where the study file leaves that open."""

from __future__ import annotations

from hpsearch.data import Dataset
from hpsearch.engines.policy.cores import largest_network
from hpsearch.spec import StudySpec
from hpsearch.spec.sections.training import Training
from hpsearch.spec.space.space import SearchSpace
from hpsearch.spec.study_file.distributions import alternatives, bounds
from hpsearch.training.probes.due import PROBES

SHARE = 0.03
"""The most that probes may take of the time that training takes."""

COMPILING_SECONDS = 2.0
"""What a program's measurements take to compile: 0.7 to 1.5 s were seen for two and three layers."""

PROBE_SECONDS = 0.02
"""How long a probe takes, as seen on two cores with 784-128-64 and batches of 128."""

MULTIPLICATIONS_PER_SECOND = 1e11
"""More than two cores reach, so that a study is taken for shorter than it is."""

SHORTENED = 3
"""By how much early stopping, a pruner or rungs may shorten the trials of a study, on the average."""

BACKWARD = 3
"""A step forward and backward takes this many times the multiplications of a prediction."""


def wants_probes(spec: StudySpec, dataset: Dataset, *, decided: bool | None = None) -> bool:
    """Return whether networks are probed while they train.

    The study file decides. Else they are probed if that costs at most 3 % of the training, by a rule on the
    study and never by the clock, so that two runs are equal.

    Args:
        spec: The study.
        dataset: Its data.
        decided: What was decided when the study was started, which remains.
    """
    if decided is not None:
        return decided
    if spec.search.probes != "auto":
        return spec.search.probes == "on"
    trials = spec.search.trials
    cost = min(SearchSpace(spec).structures(), trials) * COMPILING_SECONDS + trials * PROBES * PROBE_SECONDS
    return cost <= SHARE * training_seconds(spec, dataset)


def training_seconds(spec: StudySpec, dataset: Dataset) -> float:
    """Estimate, rather too low, how long a study trains, if its shortest runs had its largest network."""
    rows = min(_rows_seen(training, dataset) for training in alternatives(spec.training))
    early = any(training.early_stopping is not None for training in alternatives(spec.training))
    compared = spec.search.pruner.name != "none" or spec.search.schedule.name != "full"
    shortened = SHORTENED if early or compared else 1
    multiplications = BACKWARD * rows * largest_network(spec, dataset) * spec.search.trials
    return multiplications / shortened / MULTIPLICATIONS_PER_SECOND


def _rows_seen(training: Training, dataset: Dataset) -> float:
    """Count the rows, with repetitions, that the shortest run on all splits passes through a network."""
    if training.epochs is not None:
        return bounds(training.epochs)[0] * sum(len(split.train) for split in dataset.splits)
    batch = min(bounds(training.batch_size)[0], dataset.train_rows)
    return bounds(training.steps)[0] * batch * len(dataset.splits)
