"""What a tap wants done besides another picture."""

from terminal.asked import Command
from terminal.screen.sound import Sound

Wanted = Command | Sound
"""Something for core, or something to be heard."""
