"""Programs that run inside actions: pure functions and a `main`; they import neither buildgraph nor the rules."""
