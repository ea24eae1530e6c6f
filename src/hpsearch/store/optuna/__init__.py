"""A study in an Optuna storage, which other programs read."""
