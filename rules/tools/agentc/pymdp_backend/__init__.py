"""The python backend: agents that pymdp itself steps."""
