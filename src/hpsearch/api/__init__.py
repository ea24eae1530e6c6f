"""The Python face of hpsearch."""
