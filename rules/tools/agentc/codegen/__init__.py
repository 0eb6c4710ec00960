"""C code of agents and of the program around them, written from plans."""
