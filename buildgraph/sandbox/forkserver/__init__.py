"""A server that forks warm Python interpreters for actions."""
