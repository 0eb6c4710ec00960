"""The agent compiler: a discrete POMDP in, proved C code and its evidence out."""
