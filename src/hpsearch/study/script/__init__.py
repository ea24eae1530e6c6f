"""The winner of a search as a plain Keras script, which needs no hpsearch."""
