"""The rules that ship with buildgraph, one module a noun. Installed as `buildgraph.rules`."""
