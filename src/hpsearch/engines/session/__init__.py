"""A study that a worker has open, and the orders that it carries out."""
