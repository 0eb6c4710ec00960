"""Save the state of a finished build, and start the next build from it."""
