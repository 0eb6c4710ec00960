"""Plain values that all layers exchange: labels, targets, actions, results, events and errors."""
