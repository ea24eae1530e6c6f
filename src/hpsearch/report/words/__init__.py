"""Typed results in sentences and numbers."""
