"""What replicates say: estimates, races, and who can be told apart."""
