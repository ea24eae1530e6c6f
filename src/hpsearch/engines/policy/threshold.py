"""Whether a threshold can be chosen for what a study predicts."""

from __future__ import annotations

import numpy as np

from hpsearch.data import Dataset
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import StudySpec


def check_threshold(spec: StudySpec, dataset: Dataset) -> None:
    """Check that two classes are predicted, and that validation rows of both can choose between them.

    Raises:
        UnsupportedError: It is not so.
    """
    if spec.search.threshold is None:
        return
    if len(dataset.labels) != 2:
        found = f"{len(dataset.labels)} classes" if dataset.labels else f"a {dataset.task} study"
        raise UnsupportedError(
            "search.threshold: this is a probability that tells two classes apart, and here is "
            f"{found}: leave it out"
        )
    if any(len(np.unique(split.validation.y)) < 2 for split in dataset.splits):
        raise UnsupportedError(
            "search.threshold: expected validation rows of both classes, which choose it; found one class: "
            "write another 'validation' in the data section"
        )
