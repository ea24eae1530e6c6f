"""The type of arrays, and of what is predicted."""

from __future__ import annotations

from typing import Any, Literal

import numpy.typing as npt

Array = npt.NDArray[Any]

Task = Literal["classification", "regression", "multilabel", "multitask"]
