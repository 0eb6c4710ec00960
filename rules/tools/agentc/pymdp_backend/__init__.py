"""Agents stepped by pymdp itself."""
