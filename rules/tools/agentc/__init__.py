"""The agent compiler: from a discrete POMDP to proved C code and its evidence."""
