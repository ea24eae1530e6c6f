"""Whether the trials of a study can be joined to an ensemble."""

from __future__ import annotations

from hpsearch.data import Dataset
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import StudySpec


def check_ensemble(spec: StudySpec, dataset: Dataset) -> None:
    """Check that the data have a single output, whose predictions have a mean.

    Raises:
        UnsupportedError: They have several.
    """
    if spec.ensemble is not None and dataset.target_layout is not None:
        raise UnsupportedError(
            "ensemble: this joins models with one output, and these data have several named targets: "
            "leave it out"
        )
