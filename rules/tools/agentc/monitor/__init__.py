"""Monitor of a running program: the nominal model, its limits, and their C tables."""
