"""The Zig toolchain, and readers of what it writes."""
