"""Readers of models: each kind of source becomes the intermediate representation."""
