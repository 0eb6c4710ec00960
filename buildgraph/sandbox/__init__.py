"""Sandboxed commands: staging, isolation levels, supervision and collected outputs."""
