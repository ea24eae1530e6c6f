"""The sections of a study file, as frozen types."""
