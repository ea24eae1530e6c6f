"""Whether what a study tells of several targets suits those of its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hpsearch.data import Dataset
from hpsearch.data.checks import meant
from hpsearch.data.named_targets import NamedTarget
from hpsearch.engines.policy.loss import fitting, kind_of, needs_of_targets
from hpsearch.exceptions import UnsupportedError
from hpsearch.spec import Component, StudySpec
from hpsearch.spec.sections.losses import LOSSES, Loss
from hpsearch.spec.sections.named_targets import OfTargets
from hpsearch.spec.study_file.distributions import alternatives
from hpsearch.spec.study_file.problems import dotted
from hpsearch.spec.study_file.source import Place


def check_targets(spec: StudySpec, dataset: Dataset) -> None:
    """Check that losses, their weights and tasks by target are for targets that the data have.

    Raises:
        UnsupportedError: They are not; the message says what is.
    """
    for _, told in target_problems(spec, dataset):
        raise UnsupportedError(told)


def target_problems(spec: StudySpec, dataset: Dataset) -> Iterator[tuple[Place, str]]:
    """Iterate over what a study tells of targets and does not suit its data, each with its place."""
    found = _of_one_target(spec) if dataset.target_layout is None else _of_several(spec, dataset)
    for place, told in found:
        yield place, f"{dotted(place)}: {told}"


def _of_one_target(spec: StudySpec) -> Iterator[tuple[Place, str]]:
    told = "this is for several named targets, arrays y_NAME of an npz file, and these data have a single y"
    if spec.data.tasks is not None:
        yield ("data", "tasks"), f"{told}: write 'task'"
    for training in alternatives(spec.training):
        for name in ("losses", "loss_weights"):
            if getattr(training, name) is not None:
                yield ("training", name), f"{told}: write 'loss'"


def _of_several(spec: StudySpec, dataset: Dataset) -> Iterator[tuple[Place, str]]:
    targets = [] if dataset.target_layout is None else list(dataset.target_layout.places())
    names = [target.name for target, _ in targets]
    if spec.search.recorded:
        yield (
            ("search", "metrics"),
            "expected none for several named targets, whose losses and metrics are in the log",
        )
    for training in alternatives(spec.training):
        if training.loss is not None:
            expected = f"a loss for each target, as in 'losses: {{{names[0]}: huber}}'"
            yield (
                ("training", "loss"),
                f"expected {expected}, because the data have {len(names)} named targets",
            )
        for field in ("losses", "loss_weights"):
            for name in dict(_items(getattr(training, field))):
                if name not in names:
                    hint = meant(name, dict.fromkeys(names))
                    told = f"there is no target {name!r}{hint}; the targets are {', '.join(names)}"
                    yield ("training", field, name), told
        losses = dict(_items(training.losses))
        for target, columns in targets:
            least = min(float(split.train.y[:, columns].min()) for split in dataset.splits)
            for loss in alternatives(losses.get(target.name)):
                unfit = None if loss is None else _unfit(loss, target, least)
                if unfit is not None:
                    yield ("training", "losses", target.name), unfit


def _items(given: OfTargets | None) -> Iterator[tuple[str, Any]]:
    yield from () if given is None else given.items()


def _unfit(loss: Component, target: NamedTarget, least: float) -> str | None:
    """Return why a loss is not for a target; None where it is."""
    kind = kind_of(target)
    if not isinstance(loss, Loss) or kind not in loss.tasks:
        return f"{loss.name} is not for {kind}; choose one of {fitting(LOSSES, kind)}"
    needs = needs_of_targets(loss, least)
    return None if needs is None else f"{loss.name} {needs}"
