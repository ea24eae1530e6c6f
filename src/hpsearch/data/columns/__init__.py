"""The columns of a table: of what kind each is, and what becomes of it."""
