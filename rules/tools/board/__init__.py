"""Boards without another user space: kernel, process 1, bundles, and their emulation."""
