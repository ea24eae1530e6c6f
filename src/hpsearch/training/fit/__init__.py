"""The trainer for any model and backend: plain `model.fit`."""
