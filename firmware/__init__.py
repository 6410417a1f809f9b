"""The I/O board's own program, and the line format that it shares with the terminal."""
