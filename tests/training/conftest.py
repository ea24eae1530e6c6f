"""The backend of Keras is chosen before it is imported."""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"
