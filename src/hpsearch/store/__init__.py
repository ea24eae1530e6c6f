"""The files of a study."""
