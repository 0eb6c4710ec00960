"""Chains of actions that several rules declare."""
