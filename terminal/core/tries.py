"""Wrong PINs, and the pause that too many of them cost. Pure."""

from msgspec import Struct

from terminal.core.channels import PIN_PAUSE_S, WRONG_PINS
from terminal.shown import LogInProblem


class Tries(Struct, frozen=True):
    """The wrong ones in a row, and until when none is tried."""

    wrong: int = 0
    paused_until_ns: int = 0


def are_paused(tries: Tries, now_ns: int) -> bool:
    """Whether no PIN is tried now."""
    return now_ns < tries.paused_until_ns


def missed(tries: Tries, now_ns: int) -> tuple[Tries, LogInProblem]:
    """After a wrong one."""
    wrong = tries.wrong + 1
    if wrong < WRONG_PINS:
        return Tries(wrong), LogInProblem.WRONG_PIN
    return Tries(0, now_ns + round(PIN_PAUSE_S * 1e9)), LogInProblem.PAUSED
