"""The intermediate representation: one agent as canonical arrays and parameters."""
