"""Listeners of a build: they know events and nothing else."""
