"""The end of a search: its winner refitted, saved and evaluated."""
