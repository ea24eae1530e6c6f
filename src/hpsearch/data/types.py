"""What arrays of data are, and what is predicted from them."""

from __future__ import annotations

from typing import Any, Literal

import numpy.typing as npt

Array = npt.NDArray[Any]

Task = Literal["classification", "regression"]
