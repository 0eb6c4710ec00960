"""Importer of Cassandra's POMDP text format."""
