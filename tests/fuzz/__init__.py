"""Fuzzing of the program that agents run in."""
