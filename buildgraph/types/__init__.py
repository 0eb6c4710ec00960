"""Immutable records shared by all packages; no I/O."""
