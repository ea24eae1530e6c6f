"""What the Optuna dashboard shows of a study: names, notes, artifacts."""

from hpsearch.report.dashboard.serving import serve

__all__ = ["serve"]
