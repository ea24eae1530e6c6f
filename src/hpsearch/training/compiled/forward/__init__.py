"""The forward pass of a structure, and what it is made from."""
