"""Passes from the intermediate representation to the tables and loops of one step."""
