"""From the runs of a comparison to its arms in numbers."""
