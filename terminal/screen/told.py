"""What headquarters knows of what this crew sent last, on the page that it was sent from. Pure."""

from datetime import UTC, datetime

from terminal.link import Snapshot
from terminal.screen.state import Page, find_form
from terminal.screen.view import View
from terminal.screen.words import Said, clean
from terminal.shown import FiledView, SentView

SHOWN_NS = 8_000_000_000
"""So long after the tap it comes before what lasts."""


def at_first(view: View) -> Said | None:
    """For a while after the tap, whatever else there is to be told."""
    told_ns = view.state.told_ns
    return newest(view) if told_ns is not None and view.now_ns - told_ns < SHOWN_NS else None


def newest(view: View) -> Said | None:
    """The newest text on the page of texts, the newest report on that of reports; None where there is none."""
    sent = None if view.snapshot is None else on_page(view.snapshot, view.state.page)
    if view.snapshot is None or sent is None:
        return None
    words = f"{time_of(view, sent)} {words_of(view, view.snapshot, sent)}".lstrip()
    if sent.received:
        return view.say("HQ has: {status}", status=words), "good"
    return view.say("HQ not told yet: {status}", status=words), "warn"


def on_page(snapshot: Snapshot, page: Page) -> SentView | FiledView | None:
    """What was sent last from there."""
    if page is Page.TEXTS and snapshot.sent:
        return snapshot.sent[-1]
    return snapshot.filed if page is Page.REPORT else None


def words_of(view: View, snapshot: Snapshot, sent: SentView | FiledView) -> str:
    """A text as it was sent, a report by its form."""
    if isinstance(sent, SentView):
        return clean(sent.text)
    form = find_form(snapshot, sent.form)
    return clean(sent.form) if form is None else view.say.label(form.label)


def time_of(view: View, sent: SentView | FiledView) -> str:
    """When, by the clock in this time zone, which tells two of the same words apart; "" where no clock was trusted."""
    if sent.utc_ms is None:
        return ""
    at = datetime.fromtimestamp(sent.utc_ms / 1000, UTC).astimezone(view.local.tzinfo)
    return f"{at:%H:%M}"
