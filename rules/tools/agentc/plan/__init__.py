"""Compiler passes from the intermediate representation to tables and loops of one step."""
