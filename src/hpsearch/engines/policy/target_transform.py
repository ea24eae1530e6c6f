"""How the targets of a regression are transformed where a study file does not say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpsearch.data import Dataset
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Component, OwnModel, StudySpec
from hpsearch.spec.sections.losses import REGRESSION, Loss
from hpsearch.spec.sections.target_transform import TARGET_TRANSFORMS
from hpsearch.spec.study_file.distributions import alternatives

PLACE, CLAMP = "data.target_transform", "data.clamp"
STANDARD, NONE = "standard", "none"
SKEWED = 2.0
"""The skewness that a transform is proposed for, which is that of an exponential distribution."""

CLAMPED = tuple(name for name in TARGET_TRANSFORMS if name != NONE)


def with_target_transform(spec: StudySpec, decided: str | None = None) -> StudySpec:
    """Return a study whose data section says how targets are transformed.

    Targets are standardized, unless something needs them as they are: a loss that is no function of
    differences, a model of the user's own, whose outputs may have a range, rows that are their own targets,
    a stream, whose targets are not known.

    Args:
        spec: The study.
        decided: What was decided when it began; None where it begins.

    Raises:
        UnsupportedError: A transform is asked for, and a loss needs targets as they are.
    """
    given = spec.data.target_transform
    needs = _needs_of_losses(spec)
    if given is not None:
        for one in _transforms(spec) if needs is not None else ():
            raise UnsupportedError(f"{PLACE}: expected none, because {needs}; found {one.name}")
        return spec
    own = any(isinstance(model, OwnModel) for model in alternatives(spec.model))
    plain = own or needs is not None or spec.data.is_its_own_target or spec.data.stream is not None
    chosen = TARGET_TRANSFORMS[decided or (NONE if plain else STANDARD)]()
    return spec.model_copy(update={"data": spec.data.model_copy(update={"target_transform": chosen})})


def check_transform(spec: StudySpec, dataset: Dataset) -> None:
    """Check that a transform is not asked for where there are no quantities to predict.

    Raises:
        UnsupportedError: It is; the message says what is predicted.
    """
    if _transforms(spec) and not dataset.has_quantities:
        raise UnsupportedError(f"{PLACE}: expected a regression; the task is {dataset.task}")


def check_clamp(spec: StudySpec, dataset: Dataset) -> None:
    """Check that predictions are kept within a range only where targets are transformed.

    Args:
        spec: The study with the transform of its targets.
        dataset: The data.

    Raises:
        UnsupportedError: They are not; the message says why.
    """
    if not spec.data.clamp or (_transforms(spec) and dataset.has_quantities):
        return
    if not dataset.has_quantities:
        raise UnsupportedError(f"{CLAMP}: expected a regression; the task is {dataset.task}")
    raise UnsupportedError(
        f"{CLAMP}: expected a transform of the targets (target_transform: {', '.join(CLAMPED)}); found none"
    )


def decided_transform(given: StudySpec, spec: StudySpec, dataset: Dataset) -> str | None:
    """Return what was decided for targets; None where the study file says it, or there are no quantities.

    Args:
        given: The study as it was given.
        spec: The study with the transform of its targets.
        dataset: The data.
    """
    chosen = spec.data.target_transform
    if given.data.target_transform is not None or not isinstance(chosen, Component):
        return None
    return chosen.name if dataset.has_quantities else None


def note_on_targets(spec: StudySpec, dataset: Dataset) -> str | None:
    """Say how targets are transformed; None where they are not."""
    transforms = _transforms(spec)
    if not transforms or not dataset.has_quantities:
        return None
    named = " or ".join(one.label for one in alternatives(spec.data.target_transform))
    return (
        f"networks are trained on transformed targets ({named}); losses, metrics and predictions "
        f"are in the targets' own units{_skewed(transforms, dataset)}"
    )


def _transforms(spec: StudySpec) -> list[Component]:
    """List the ways in which targets may be transformed, those as they are apart."""
    given = alternatives(spec.data.target_transform)
    return [one for one in given if one is not None and one.name != NONE]


def _skewed(transforms: Sequence[Component], dataset: Dataset) -> str:
    """Say of a single target with a long tail what may suit it."""
    y = dataset.splits[0].train.y.astype(np.float64)
    if [one.name for one in transforms] != [STANDARD] or y.ndim > 1:
        return ""
    found = float((((y - y.mean()) / (y.std() or 1.0)) ** 3).mean())
    if abs(found) <= SKEWED:
        return ""
    better = "log" if found > 0 and y.min() >= 0 else "power"
    return f"; they are skewed (skewness {found:.1f}), which 'target_transform: {better}' may suit"


def _needs_of_losses(spec: StudySpec) -> str | None:
    """Return why targets have to stay as they are; None where losses are functions of differences."""
    for training in alternatives(spec.training):
        named = [] if training.losses is None else [loss for _, loss in training.losses.items()]
        for loss in (loss for one in (training.loss, *named) for loss in alternatives(one)):
            if loss is not None and _needs_numbers(loss):
                return f"{loss.name} is computed from the targets in their own units"
    return None


def _needs_numbers(loss: Any) -> bool:
    return not isinstance(loss, Loss) or (REGRESSION in loss.tasks and loss.unit is None)
