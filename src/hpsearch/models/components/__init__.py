"""Literal tables from a name in the study file to a Keras object; schedules as pure functions of the step."""
