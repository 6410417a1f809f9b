"""Texts: what headquarters wrote, what was answered, ready words by one tap, and one's own when parked. Pure."""

from terminal.contract.profile import Choice
from terminal.contract.work import Text
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, target
from terminal.screen.view import View
from terminal.screen.words import clean


def boxes(view: View, area: Area) -> list[Box]:
    """The oldest text that was not read, else the newest; ready answers beneath."""
    if view.snapshot is None:
        return []
    rows = 1 if area.height < 4 * LEAST_HEIGHT else 2
    upper, lower = area.rows(0, 2 * LEAST_HEIGHT if rows == 1 else (rows + 1) * LEAST_HEIGHT)
    return [*newest(view, upper), *answers(view, lower)]


def newest(view: View, area: Area) -> list[Box]:
    """One text, to be tapped when it was read; while the car moves only that there is one."""
    told = () if view.snapshot is None else view.snapshot.texts
    unread = [one for one in told if not one.read]
    shown = unread[0] if unread else told[-1] if told else None
    if shown is None:
        return [Box(area=area, words=view.say("No texts."), tone="dim", middle=True)]
    if view.is_locked:
        words = view.say("New text. Stop to read it.") if unread else view.say("Locked while the car moves.")
        return [Box(area=area, words=words, tone="locked", middle=True)]
    return [
        target(
            area, words_of(view, shown, len(unread)), f"read:{shown.text_id}", "button" if shown.read else "proposed"
        )
    ]


def words_of(view: View, text: Text, unread: int) -> str:
    """Who wrote what, and how many wait."""
    more = f" (+{unread - 1})" if unread > 1 else ""
    by = f"{clean(text.sent_by)}: " if text.sent_by else ""
    return f"{by}{clean(text.text)}{more}"


def answers(view: View, area: Area) -> list[Box]:
    """Ready words, and a field for one's own."""
    profile = None if view.snapshot is None else view.snapshot.profile
    choices: tuple[Choice, ...] = () if profile is None else profile.texts
    rows = max(area.height // LEAST_HEIGHT, 1)
    columns = max(min(-(-(len(choices) + 1) // rows), area.width // 12), 1)
    fields = area.grid(rows, columns)
    found = [
        target(field, view.say.label(one.label), f"ready:{one.code}")
        for one, field in zip(choices[: len(fields) - 1], fields, strict=False)
    ]
    own = fields[min(len(choices), len(fields) - 1)]
    return [*found, target(own, view.say("Write"), "type:text", "locked" if view.is_locked else "button")]
