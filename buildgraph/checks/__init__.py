"""Checks of a finished build: reproducible outputs, and no undeclared reads."""
