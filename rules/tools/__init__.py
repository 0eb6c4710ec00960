"""Programs that run inside actions, and their packages. They import no other part of buildgraph."""
