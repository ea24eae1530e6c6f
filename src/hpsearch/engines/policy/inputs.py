"""Whether the models of a study take the inputs that its data have."""

from __future__ import annotations

from hpsearch.data import Dataset
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import OwnModel, StudySpec
from hpsearch.spec.study_file.distributions import alternatives


def check_inputs(spec: StudySpec, dataset: Dataset) -> None:
    """Check that only models in Python, which say what happens to each, have named inputs and targets.

    Raises:
        UnsupportedError: Another model is.
    """
    named = [] if dataset.inputs is None else [f"x_{one.name}" for one in dataset.inputs.inputs]
    if dataset.target_layout is not None:
        named += [f"y_{one.name}" for one in dataset.target_layout.targets]
    if not named:
        return
    for model in alternatives(spec.model):
        if not isinstance(model, OwnModel):
            raise UnsupportedError(
                f"model.{model.name}: a model that the study file describes takes a single x and y, "
                f"and these data have {', '.join(named)}: concatenate them, or write the model in "
                "Python (model: {python: ...})"
            )
