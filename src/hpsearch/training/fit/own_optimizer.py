"""An optimizer that a user's model is compiled with, and the learning rates that are its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hpsearch.exceptions import ModelError


@dataclass(frozen=True, eq=False)
class OwnOptimizer:
    """An optimizer whose learning rate is set before each step, to what it would be in `fit`.

    Attributes:
        optimizer: The optimizer, which has a number as its learning rate.
        schedule: What turns the numbers of steps into learning rates; None where the rate is constant.
        rate: The learning rate without a schedule.
    """

    optimizer: keras.Optimizer
    schedule: Any
    rate: float

    @classmethod
    def of(cls, optimizer: keras.Optimizer) -> OwnOptimizer:
        """Take the schedule out of an optimizer.

        Raises:
            ModelError: Its learning rate can be no input of a step.
        """
        given = getattr(optimizer, "_learning_rate", None)
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            raise ModelError(
                "the model is compiled with LossScaleOptimizer: compile it with the optimizer inside"
            )
        if optimizer.use_ema:
            raise ModelError(
                "the model is compiled with an optimizer that averages weights (use_ema), which Keras would "
                "put into the model after each epoch: compile it without"
            )
        if isinstance(given, keras.Variable):
            return cls(optimizer, None, float(keras.ops.convert_to_numpy(given)))
        if not isinstance(given, keras.optimizers.schedules.LearningRateSchedule):
            raise ModelError(
                f"the model is compiled with {type(optimizer).__name__}, whose learning_rate is neither a "
                "number nor a schedule of keras.optimizers.schedules: give one of the two"
            )
        plain = type(optimizer).from_config({**optimizer.get_config(), "learning_rate": 1.0})
        return cls(plain, given, 1.0)

    def rates(self, count: int) -> NDArray[np.float32]:
        """Return the learning rates of the next steps."""
        if self.schedule is None:
            return np.full(count, self.rate, np.float32)
        done = int(keras.ops.convert_to_numpy(self.optimizer._iterations))  # noqa: SLF001 - what Keras' schedules count
        steps = keras.ops.arange(done, done + count, dtype="int32")
        found = keras.ops.vectorized_map(self.schedule, steps)
        return np.asarray(keras.ops.convert_to_numpy(found), np.float32)
