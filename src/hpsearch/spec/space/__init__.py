"""What a study file spans: its search space, its arms, its defaults."""
