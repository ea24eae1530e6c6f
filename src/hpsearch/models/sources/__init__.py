"""One module for each kind of model that a study file can ask for."""
