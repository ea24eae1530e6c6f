"""Runs studies: the only room that wires workers, store and scheduling together."""
