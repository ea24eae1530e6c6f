"""The search space of models whose files say by running what they search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import StudyFile, StudySpec
from hpsearch.spec.space.enqueue import check_enqueued
from hpsearch.spec.space.space import SearchSpace


def with_found_space(study: StudyFile, model: Any) -> StudyFile:
    """Return a study with the model section that a worker found, once what only that tells was checked.

    Args:
        study: The study file.
        model: The section as plain data; None where nothing had to be found.

    Raises:
        UnsupportedError: Two places search under one name.
        StudyFileError: A configuration to try first is not in the search space.
    """
    if model is None:
        return study
    read = StudySpec.model_validate({**study.spec.dump(), "model": model})
    spec = study.spec.model_copy(update={"model": read.model})
    _check_names(spec)
    check_enqueued(spec, study.source)
    return replace(study, spec=spec)


def _check_names(spec: StudySpec) -> None:
    space = SearchSpace(spec)
    found = {parameter.name for parameter in space.of_section("model")}
    for parameter in space.of_section("training"):
        if parameter.name in found:
            raise UnsupportedError(
                f"training.{parameter.name}: expected one place that searches {parameter.name!r}, and "
                f"build(hp) of the model does too; found {parameter.describe()}: fix it here, or "
                "rename it there"
            )
