"""Measurements inside a network at its first weights, as frozen records; nothing is trained or drawn."""
