"""No pruner."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from hpsearch.scheduling.pruners.base import Pruner
from hpsearch.store.events import Pruning


class NoPruner(Pruner):
    """Prunes no trial."""

    def prune(self, trials: Sequence[FrozenTrial], number: int) -> Pruning | None:  # noqa: ARG002
        """Return None."""
        return None
