"""What the failure of a line proves, and what it means to the person who must mend it. Pure."""

from enum import StrEnum


class Proof(StrEnum):
    """Where a line that failed was broken, as far as its failure proves it."""

    NOTHING = ""
    NO_WAY = "no-way"  # nothing that was sent was answered, or there was no way to send it
    NO_BROKER = "no-broker"  # the broker's machine answers, and no broker serves there
    REFUSED = "refused"  # a broker answers, and one end does not accept the other
    SILENT = "silent"  # a line that was up swallowed what was sent


REFUSED, NO_BROKER, NO_WAY, SILENT = Proof.REFUSED, Proof.NO_BROKER, Proof.NO_WAY, Proof.SILENT

MEANINGS = (
    ("CERTIFICATE_REQUIRED", "it asks for a certificate and got none; set certificate and key", REFUSED),
    (
        "ALERT_CERTIFICATE_EXPIRED",
        "it says that our certificate has expired; renew it, or check the broker's clock",
        REFUSED,
    ),
    ("ALERT_UNKNOWN_CA", "it does not know the CA of our certificate; set the one that its CA has signed", REFUSED),
    ("ALERT_CERTIFICATE_REVOKED", "our certificate has been revoked; provision this unit again", REFUSED),
    ("ALERT_", "it refuses our certificate or our TLS; was the certificate signed by its CA for a client?", REFUSED),
    ("certificate has expired", "its certificate has expired; renew it, or check this terminal's clock", REFUSED),
    ("certificate revoked", "its certificate has been revoked; is this our broker?", REFUSED),
    ("get certificate CRL", "the list of revoked certificates is not of its CA; fetch the CA's list again", REFUSED),
    ("mismatch", "its certificate is for another name; check host", REFUSED),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not of our CA; check ca, and that this is our broker", REFUSED),
    ("WRONG_VERSION_NUMBER", "it speaks no TLS there; check port", NO_BROKER),
    ("Connection refused", "nothing listens there; is the broker up, and the port right?", NO_BROKER),
    ("Name or service not known", "its name is not known; check host and the name server", NO_WAY),
    ("name resolution", "its name cannot be looked up; check the modem and the SIM", NO_WAY),
    ("unreachable", "there is no way to it; check the modem and the SIM", NO_WAY),
    ("Session taken over", "another connection took our name; is this certificate on two terminals?", REFUSED),
    (
        "Connection reset",
        "it hung up; is it up, does it speak TLS at that port, do its rules allow what we write?",
        NO_BROKER,
    ),
    (
        "Unspecified error",
        "it hung up without a word; is it up, do its rules allow what we write, has another our name?",
        NO_BROKER,
    ),
    ("before it answered", "it hung up at once; is it up, and does it speak TLS at that port?", NO_BROKER),
    (
        "Too many open files",
        "this program may open no more files; start it again, and report this as a defect",
        Proof.NOTHING,
    ),
    ("Keep alive timeout", "it answered nothing for too long; check the modem and the SIM", SILENT),
)
"""A part of the error's text, what it means and what it proves; the first that is found counts."""

UNKNOWN = "check host, port, the modem and the SIM"


def in_words(error: object) -> str:
    """What an exception or a broker's reason means and what to do, with the text that it came with."""
    return meaning(error)[0]


def meaning(error: object) -> tuple[str, Proof]:
    """As `in_words`, and what it proves."""
    text = str(error) or type(error).__name__
    for part, words, proof in MEANINGS:
        if part.lower() in text.lower():
            return f"{words} ({text})", proof
    return f"{text}; {UNKNOWN}", Proof.NOTHING
