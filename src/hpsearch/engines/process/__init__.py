"""The process of a worker: its imports, its compiled programs, its failures."""
