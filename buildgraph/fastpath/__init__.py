"""Answer a build in which nothing changed."""
