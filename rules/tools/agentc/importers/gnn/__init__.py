"""Importer of Generalized Notation Notation (GNN)."""
