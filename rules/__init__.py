"""Rules that ship with buildgraph, one in each module. Installed as `buildgraph.rules`."""
