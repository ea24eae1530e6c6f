"""Typed results in tables."""
