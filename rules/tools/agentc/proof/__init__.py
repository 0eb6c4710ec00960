"""Evidence: probe sets, replay, comparison with the reference, measurements and reports."""
