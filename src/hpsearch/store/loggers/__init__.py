"""Copies of trials for other programs: TensorBoard and MLflow."""
