"""Check reproducibility and undeclared reads."""
