"""ModemManager's numbers in its own words, and what a modem that cannot be used wants. Pure.

The numbers are those of its documented enumerations MMModemState, MMModemStateFailedReason, MMModemLock,
MMModem3gppRegistrationState and MMModemAccessTechnology.
"""

from hal.errors import SourceError, SourceMissing, SourceRefused

STATES = {
    -1: "failed",
    0: "unknown",
    1: "initializing",
    2: "locked",
    3: "disabled",
    4: "disabling",
    5: "enabling",
    6: "enabled",
    7: "searching",
    8: "registered",
    9: "disconnecting",
    10: "connecting",
    11: "connected",
}
REGISTERED = 8
"""From this state on the modem is registered in a network."""

ACCESS_TECHNOLOGIES = (
    "pots",
    "gsm",
    "gsm-compact",
    "gprs",
    "edge",
    "umts",
    "hsdpa",
    "hsupa",
    "hspa",
    "hspa-plus",
    "1xrtt",
    "evdo0",
    "evdoa",
    "evdob",
    "lte",
    "5gnr",
    "lte-cat-m",
    "lte-nb-iot",
)
"""By their bit."""

FAILED_REASONS = {
    2: ("there is no SIM", "insert one"),
    3: ("the SIM cannot be read", "clean its contacts, or replace it"),
    5: ("the eSIM holds no profile", "load one"),
}

LOCKS = {2: "PIN", 3: "PIN2", 4: "PUK", 5: "PUK2"}


def access_technology(bits: int) -> str | None:
    """The newest of the technologies that are in use."""
    used = [word for bit, word in enumerate(ACCESS_TECHNOLOGIES) if bits >> bit & 1]
    return used[-1] if used else None


def unusable(where: str, state: int, failed_reason: int, lock: int) -> SourceError | None:
    """Why a modem in this state can do nothing for us, and what to do; None for one that can."""
    word = STATES.get(state, "unknown")
    if word == "failed":
        unclear = ("the modem has failed", "take its power away and give it again; see `mmcli -m any`")
        return SourceMissing(where, *FAILED_REASONS.get(failed_reason, unclear))
    if word == "locked":
        wants = LOCKS.get(lock, "code")
        return SourceRefused(
            where, f"the SIM wants its {wants}", "switch the PIN off, or give NetworkManager's connection the PIN"
        )
    if word in ("disabled", "disabling"):
        return SourceRefused(where, f"the modem is {word}", "`nmcli radio wwan on`, or `mmcli -m any --enable`")
    return None
