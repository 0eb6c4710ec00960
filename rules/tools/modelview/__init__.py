"""Views of a model: text, JSON and heat maps."""
