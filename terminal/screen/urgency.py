"""How soon something is wanted, as an order and in words. Pure."""

from terminal.contract.work import Priority
from terminal.screen.language import Say

SOONEST_FIRST = (Priority.EMERGENCY, Priority.URGENT, Priority.ROUTINE)


def soonest(priority: Priority) -> int:
    """A key for sorting: what is wanted soonest comes first."""
    return SOONEST_FIRST.index(priority)


def in_words(say: Say, priority: Priority) -> str:
    """The priority in a word; "" for what is usual."""
    words = {Priority.EMERGENCY: say("EMERGENCY"), Priority.URGENT: say("URGENT")}
    return words.get(priority, "")
