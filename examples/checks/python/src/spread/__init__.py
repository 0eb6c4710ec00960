"""Mean and standard deviation."""
