"""What the failure of a line means to the person who must mend it: what was wrong, then what to do. Pure."""

MEANINGS = (
    ("CERTIFICATE_REQUIRED", "it asks for a certificate and got none; set certificate and key"),
    ("ALERT_CERTIFICATE_EXPIRED", "it says that our certificate has expired; renew it, or check the broker's clock"),
    ("ALERT_UNKNOWN_CA", "it does not know the CA of our certificate; set the one that its CA has signed"),
    ("ALERT_CERTIFICATE_REVOKED", "our certificate has been revoked; provision this unit again"),
    ("ALERT_", "it refuses our certificate or our TLS; was the certificate signed by its CA for a client?"),
    ("certificate has expired", "its certificate has expired; renew it, or check this terminal's clock"),
    ("not yet valid", "its certificate is not valid yet; check this terminal's clock"),
    ("mismatch", "its certificate is for another name; check host"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not of our CA; check ca, and that this is our broker"),
    ("WRONG_VERSION_NUMBER", "it speaks no TLS there; check port"),
    ("Connection refused", "nothing listens there; is the broker up, and the port right?"),
    ("Name or service not known", "its name is not known; check host and the name server"),
    ("name resolution", "its name cannot be looked up; check the modem and the SIM"),
    ("unreachable", "there is no way to it; check the modem and the SIM"),
    ("Session taken over", "another connection took our name; is this certificate on two terminals?"),
    ("Connection reset", "it hung up; is it up, does it speak TLS at that port, do its rules allow what we write?"),
    (
        "Unspecified error",
        "it hung up without a word; is it up, do its rules allow what we write, has another our name?",
    ),
    ("Too many open files", "this program may open no more files; start it again, and report this as a defect"),
    ("Keep alive timeout", "it answered nothing for too long; check the modem and the SIM"),
)
"""A part of the error's text, and what it means; the first that is found counts."""

UNKNOWN = "check host, port, the modem and the SIM"


def in_words(error: object) -> str:
    """What an exception or a broker's reason means and what to do, with the text that it came with."""
    text = str(error) or type(error).__name__
    for part, meaning in MEANINGS:
        if part.lower() in text.lower():
            return f"{meaning} ({text})"
    return f"{text}; {UNKNOWN}"
