"""Which parameters decided how well trials did, and how."""
