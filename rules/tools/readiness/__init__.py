"""Library of the gates: evidence of checks, and the checks themselves."""
