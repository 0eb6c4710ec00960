"""Action keys (REAPI v2) and the action graph."""
