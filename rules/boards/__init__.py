"""Catalogue of boards and cores, and detection of a device's board."""
