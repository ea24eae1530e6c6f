"""The colours of the figures: what stands for the same thing has the same colour everywhere."""

from __future__ import annotations

WINNER = "#00835f"
"""The winner, and what is among the best."""

PLAIN = "#1f7fc4"
"""What nothing else is said of: trials that ended as they should, values, validation."""

FAILED = "#d1495b"
"""What failed, or is worse than the best."""

PRUNED = "#a67c00"
"""What was stopped early, and curves of training."""

INFEASIBLE = "#7a5195"
"""What violates a constraint."""

INK = "#000000"
GREY = "#8c8c8c"
"""What cannot be told, and lines behind the data."""
