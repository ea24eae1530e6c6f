"""Training in the tasks of one Slurm job step: the first owns the study, the others work for it."""
