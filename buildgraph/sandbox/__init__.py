"""Running commands: staging, sandboxes, collecting what they made, and containers."""
