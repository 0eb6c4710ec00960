"""Support of tests, and chores of the project."""
