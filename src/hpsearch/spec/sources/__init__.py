"""The files that a study file refers to, known by their paths and hashes."""
