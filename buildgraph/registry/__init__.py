"""A client of container registries: OCI distribution 1.1. Only the verbs that need it import it."""
