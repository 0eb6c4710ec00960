"""The oracle: a float64 reference agent that compiled code is tested against."""
