"""Listeners that print or record the events of a build, and the format of numbers and errors."""
