"""Probabilities stored in fewer bits, and the choice among such storages."""
