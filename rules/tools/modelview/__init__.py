"""Models as text, JSON and heat maps."""
