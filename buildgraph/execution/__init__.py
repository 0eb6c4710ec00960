"""Schedule and run the actions of a build."""
