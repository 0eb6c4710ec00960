"""The catalogue of boards and cores, and detection of the board of a device."""
