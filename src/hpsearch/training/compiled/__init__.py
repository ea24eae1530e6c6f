"""The compiled trainer, on Keras' JAX backend."""

from hpsearch.training.compiled.trainer import CompiledTrainer

__all__ = ["CompiledTrainer"]
