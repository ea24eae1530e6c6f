"""Statistics over replicates: estimates with intervals, races, and ties."""
