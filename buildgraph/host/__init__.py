"""The environment of a build: source files, host tools, store and sandbox."""
