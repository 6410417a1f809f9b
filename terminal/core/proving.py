"""When the way to headquarters and back was last proved by an alarm, kept over restarts. Pure."""

from msgspec import Struct
from msgspec.structs import replace

from terminal.core.moment import Moment
from terminal.shown import ProvedView


class Proof(Struct, frozen=True, kw_only=True):
    """Headquarters' receipt of an alarm: when it came on the clock of `boot`, and in UTC where a clock was trusted.

    `mono_ns` is None in a later boot until a trusted clock says how long ago it was.
    """

    boot: str
    mono_ns: int | None
    utc_ms: int | None


def proved(moment: Moment) -> Proof:
    """A receipt came now."""
    return Proof(boot=moment.boot, mono_ns=moment.mono_ns, utc_ms=moment.utc_ms)


def restored(proof: Proof, moment: Moment) -> Proof:
    """The proof as it was on disk, in this boot."""
    return proof if proof.boot == moment.boot else replace(proof, boot=moment.boot, mono_ns=None)


def dated(proof: Proof, moment: Moment) -> Proof:
    """The proof once a clock is trusted: its UTC for later boots, or from it how long ago it was."""
    if moment.utc_ms is None:
        return proof
    if proof.mono_ns is None and proof.utc_ms is not None and proof.utc_ms <= moment.utc_ms:
        return replace(proof, mono_ns=moment.mono_ns - (moment.utc_ms - proof.utc_ms) * 1_000_000)
    if proof.mono_ns is not None and proof.utc_ms is None:
        return replace(proof, utc_ms=moment.utc_ms - (moment.mono_ns - proof.mono_ns) // 1_000_000)
    return proof


def later(one: Proof | None, other: Proof | None) -> Proof | None:
    """The newer of two; one whose time is not known counts as older."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda proof: (proof.mono_ns is not None, proof.mono_ns or 0))


def view(proof: Proof | None, now_ns: int, prove_every_s: float) -> ProvedView:
    """What the screen may show."""
    mono_ns = None if proof is None else proof.mono_ns
    return ProvedView(mono_ns=mono_ns, due=mono_ns is None or now_ns - mono_ns > prove_every_s * 1e9)
