"""Stores: one contract, in memory and on disk."""
