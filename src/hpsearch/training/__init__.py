"""Trainers: one interface, and an implementation for compiled programs and one for `model.fit`."""
