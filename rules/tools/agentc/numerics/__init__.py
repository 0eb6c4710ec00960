"""Arithmetic with equal bits on every machine."""
