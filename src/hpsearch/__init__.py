"""Hyperparameter search for Keras: fast, honest, unkillable."""

__version__ = "0.1.0"
