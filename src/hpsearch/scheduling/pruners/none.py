"""No pruner."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

from hpsearch.scheduling.pruners.base import Pruner
from hpsearch.store.events import Pruning


class NoPruner(Pruner):
    """Prunes nothing."""

    def prune(self, trials: Sequence[FrozenTrial], number: int) -> Pruning | None:  # noqa: ARG002
        """Give no reason."""
        return None
