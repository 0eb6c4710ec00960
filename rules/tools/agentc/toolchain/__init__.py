"""The Zig toolchain, and a reader of ELF files."""
