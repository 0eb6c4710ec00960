"""Analyse targets: check tables against rule signatures and run the rules."""
