"""Measurements inside a network, as frozen records; nothing is trained or drawn."""
