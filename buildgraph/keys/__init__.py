"""The action graph, and the keys of actions: digests of REAPI v2 messages."""
