"""Fork server: forks warm Python interpreters that run the tools of actions."""
