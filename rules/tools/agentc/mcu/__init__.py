"""Agents for microcontrollers: library, header, and replay under an emulator."""
