"""A text or a report that was sent shows so: at once, and then whether headquarters has it."""

import pytest
from msgspec.structs import replace

from terminal.link import Snapshot
from terminal.screen import frame
from terminal.screen.feed import Seen
from terminal.screen.state import Page, ScreenState
from terminal.screen.tapping import tapped
from terminal.shown import FiledView, LineView, SentView, Trouble
from tests.screen.gallery import NOON, NOW_NS, snapshot, view

UTC_MS = round(NOON.timestamp() * 1000)
SENT = SentView(text="We are there", code="arrived", utc_ms=UTC_MS)
FILED = FiledView(form="theft", utc_ms=UTC_MS)
PARTS = replace(snapshot(), jobs=())
DEAD = replace(PARTS, line=LineView(trouble=Trouble.NO_ANSWER))


def said(seen: Snapshot, state: ScreenState, later_s: float = 0.0) -> tuple[str, str]:
    one = view(Seen(snapshot=seen), state, 15, 50)
    return frame.notice(replace(one, now_ns=NOW_NS + round(later_s * 1e9)))


@pytest.mark.parametrize(
    ("page", "sent", "words"),
    [
        (Page.TEXTS, {"sent": (replace(SENT, text="Before"), SENT)}, "12:34 We are there"),
        (Page.TEXTS, {"sent": (replace(SENT, utc_ms=None),)}, "We are there"),
        (Page.REPORT, {"filed": FILED}, "12:34 Theft"),
        (Page.REPORT, {"filed": replace(FILED, form="gone", utc_ms=None)}, "gone"),
    ],
    ids=["text", "text without a clock", "report", "report of no form"],
)
def test_what_was_sent_is_named_until_headquarters_has_it_and_then_as_such(
    page: Page, sent: dict[str, object], words: str
) -> None:
    state = ScreenState(page=page, told_ns=NOW_NS)
    assert said(replace(PARTS, **sent), state) == (f"HQ not told yet: {words}", "warn")
    has = {name: _received(value) for name, value in sent.items()}
    assert said(replace(PARTS, **has), state) == (f"HQ has: {words}", "good")
    assert said(replace(PARTS, **has), state, 60.0) == (f"HQ has: {words}", "good"), "and it stays so"
    assert words not in said(replace(PARTS, **has), replace(state, page=Page.DUTY))[0]


def _received(value: object) -> object:
    if isinstance(value, tuple):
        return (*value[:-1], replace(value[-1], received=True))
    return replace(value, received=True)  # type: ignore[type-var]


def test_for_a_while_after_the_tap_it_comes_before_the_line_that_does_not_work() -> None:
    seen = replace(DEAD, sent=(SENT,))
    state, (_,) = tapped(ScreenState(page=Page.TEXTS), "ready:arrived", seen, NOW_NS)
    assert said(seen, state) == ("HQ not told yet: 12:34 We are there", "warn")
    assert said(seen, state, 9.0) == ("No line: nothing answers", "warn")


@pytest.mark.parametrize(
    "codes",
    [("ready:arrived",), ("type:text", "key:a", "typed"), ("form:theft", "say:what:home", "say:suspect:held", "file:")],
)
def test_every_way_to_send_shows_so(codes: tuple[str, ...]) -> None:
    state = ScreenState(page=Page.TEXTS)
    for code in codes:
        assert state.told_ns is None
        state, _ = tapped(state, code, PARTS, NOW_NS)
    assert state.told_ns == NOW_NS
