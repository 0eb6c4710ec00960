"""Run one build of a request."""
