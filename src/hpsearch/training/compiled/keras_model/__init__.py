"""Programs for any built Keras model: compiled once for a structure, its numbers fed in."""
