"""Literal tables from a name in the study file to a Keras object."""
