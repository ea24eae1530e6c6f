"""A study file as text: reading it with the places of its lines, and what is wrong in it."""
