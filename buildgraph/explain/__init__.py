"""Explain keys, changes and affected targets."""
