"""Importers: each reads one kind of model source into the intermediate representation."""
