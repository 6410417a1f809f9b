"""What is dead of the line, and what the crew can do, on one line. Pure."""

from terminal.screen.language import Say
from terminal.shown import Trouble


def in_words(say: Say, trouble: Trouble) -> str:
    """The trouble in the crew's words; "" while there is none that is proved."""
    words = {
        Trouble.NO_NETWORK: say("No line: the modem has no network"),
        Trouble.DEAD_ZONE: say("No line: a known dead zone; drive on"),
        Trouble.NO_ANSWER: say("No line: nothing answers"),
        Trouble.BROKER_GONE: say("No line: the broker is down; call HQ"),
        Trouble.REFUSED: say("No line: it refuses us; call the workshop"),
        Trouble.HALF_OPEN: say("The line went dead; it is made anew"),
        Trouble.HQ_GONE: say("HQ does not answer; call it"),
        Trouble.HQ_DEAF: say("HQ does not hear us; call it"),
    }
    return words.get(trouble, "")
