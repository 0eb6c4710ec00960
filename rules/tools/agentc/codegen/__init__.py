"""Code generation: C code of agents, and of the program that runs them, from plans."""
