"""Training by actors of Ray, on one machine or a cluster, each for a whole study."""
