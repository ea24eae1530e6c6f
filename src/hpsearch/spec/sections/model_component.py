"""What every kind of model answers about itself, without Keras."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from hpsearch.spec.study_file.parts import Component


def in_full(path: str, directory: Path) -> Path:
    """Return a path that starts from a directory, and may start from a user's home."""
    return Path(directory, os.path.expanduser(path))  # noqa: PTH111 - leaves an unknown user's name be


class ModelComponent(Component):
    """A kind of model; its Keras models come from the source of its name in `models.sources.kinds`.

    `recipe` is what its paper has in the places of the training section that a study leaves out.
    """

    recipe: ClassVar[Mapping[str, Any]] = {}

    @property
    def probed(self) -> bool:
        """Return whether networks can be measured layer by layer at given weights."""
        return False

    def from_anywhere(self, directory: Path) -> Self:
        """Write the paths of files in full, because the study file may be moved out of its directory."""
        del directory
        return self

    def learning_rate_at(self, epoch: int, rate: float) -> float:
        """Return the learning rate of an epoch, from 1, where that of the training section is `rate`."""
        del epoch
        return rate

    def normalizes_kernel(self, index: int) -> bool:
        """Return whether batch normalization stands between a hidden layer's kernel and its activation."""
        del index
        return False

    @property
    def initial_network(self) -> tuple[str, ...]:
        """Name what a configuration is at its first weights; networks of one name are measured alike."""
        return (self.name,)
