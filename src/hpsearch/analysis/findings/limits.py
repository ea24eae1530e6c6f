"""From when on a number is a finding; docs/findings.md repeats these limits, and a test compares them."""

from __future__ import annotations

OVERFITTING = 0.1
"""By how much the metric got worse from its best epoch to the last epochs; see `overfits`."""

OVERFITTING_EPOCHS = 0.2
"""Those last epochs, as a share of all, of which the median counts."""

FEWEST_LAST_EPOCHS = 3
"""At least this many epochs, so that a single bad epoch does not count."""

RATE_EVIDENCE = 0.75
"""Probability that a trial in trouble has a larger learning rate than one that is not, to blame the rate."""

FEWEST_RATES = 5
"""Trials without the trouble that it takes to tell where a range of learning rates should end."""

UNDERFITTING = 0.5
"""Share of the chance loss that the training loss of a trial with all its epochs stayed above."""

UNDERFITTING_GAP = 0.1
"""Share of its training loss by which the validation loss of such a trial may lie above it."""

EDGE = 0.1
"""Share of a range, on its own scale, that counts as its end."""

EDGE_TRIALS = 3
"""Best trials that must all lie at one end of a range."""

FEWEST_TRIALS = 10
"""Trials with a value, or trials that ended, below which nothing is said of ranges and choices."""

COLLAPSED = 0.01
"""Deviation of the activations directly after batch normalization, below which it has collapsed."""

TOLD_SHARE = 0.25
"""Share of the ended trials from which the terminal shows a finding that is not about the best trial."""
