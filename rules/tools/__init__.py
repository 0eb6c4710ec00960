"""Programs that run inside actions, and their packages. They import neither buildgraph nor
rules.
"""
