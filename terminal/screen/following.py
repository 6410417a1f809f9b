"""What core's word does to the screen by itself. Pure."""

from msgspec.structs import replace

from terminal.screen.driving import moved
from terminal.screen.feed import Seen
from terminal.screen.state import ScreenState


def followed(state: ScreenState, before: Seen, after: Seen, now_ns: int) -> ScreenState:
    """The screen's state as core's word changes from one to the other: a refusal is new, the car was fast until now."""
    refused_ns = state.refused_ns if after.refused is before.refused else now_ns
    moved_ns = moved(state.moved_ns, before.snapshot, after.snapshot, now_ns)
    return replace(state, refused_ns=refused_ns, moved_ns=moved_ns)
