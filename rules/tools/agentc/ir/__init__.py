"""The intermediate representation (IR): one agent as canonical arrays and parameters."""
