"""Libraries for microcontrollers, and their replay under an emulator."""
