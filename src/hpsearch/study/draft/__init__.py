"""A first study file for data that somebody has."""
