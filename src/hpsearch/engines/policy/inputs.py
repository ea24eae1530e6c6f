"""Whether the models of a study take the inputs that its data have."""

from __future__ import annotations

from hpsearch.data import Dataset
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import PythonModel, StudySpec
from hpsearch.spec.study_file.distributions import alternatives


def check_inputs(spec: StudySpec, dataset: Dataset) -> None:
    """Check that only models in Python, which say what happens to each input, are given several.

    Raises:
        UnsupportedError: Another model is.
    """
    if dataset.inputs is None:
        return
    for model in alternatives(spec.model):
        if not isinstance(model, PythonModel):
            listed = ", ".join(f"x_{one.name}" for one in dataset.inputs.inputs)
            raise UnsupportedError(
                f"model.{model.name}: a model that the study file describes takes a single array of rows, "
                f"and these data have {listed}: concatenate them into one array x, or write the model in "
                "Python (model: {python: ...})"
            )
