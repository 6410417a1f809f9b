"""Texts: what headquarters wrote, what was answered, ready words by one tap, and one's own when parked. Pure."""

from terminal.contract.profile import Choice
from terminal.contract.work import Text
from terminal.screen import paging, urgency
from terminal.screen.cells import LEAST_HEIGHT, Area, Box, target
from terminal.screen.pages import reader
from terminal.screen.view import View
from terminal.screen.words import clean

LEAST_ANSWER = 9
"""A ready text's place is at least so wide."""


def boxes(view: View, area: Area) -> list[Box]:
    """The text that waits, ready answers beneath; a long one that was opened has the whole page."""
    if view.snapshot is None:
        return []
    opened = next((one for one in view.snapshot.texts if name(one) == view.state.opened), None)
    if opened is not None and not view.is_locked:
        last = None if opened.read else (view.say("Read"), f"read:{opened.text_id}")
        return reader.boxes(view, name(opened), words_of(view, opened), area, last)
    rows = 1 if area.height < 4 * LEAST_HEIGHT else 2
    upper, lower = area.rows(0, 2 * LEAST_HEIGHT if rows == 1 else (rows + 1) * LEAST_HEIGHT)
    return [*told(view, upper), *answers(view, lower)]


def name(text: Text) -> str:
    """What a text is called where it is opened and turned."""
    return f"text:{text.text_id}"


def told(view: View, area: Area) -> list[Box]:
    """One text, and the way to the others; while the car moves only that there is one."""
    texts = () if view.snapshot is None else view.snapshot.texts
    if not texts:
        return [Box(area=area, words=view.say("No texts."), tone="dim", middle=True)]
    if view.is_locked:
        waits = any(not one.read for one in texts)
        words = view.say("New text. Stop to read it.") if waits else view.say("Locked while the car moves.")
        return [Box(area=area, words=words, tone="locked", middle=True, edged=True)]
    field, turn = (area, None) if len(texts) == 1 else paging.beside(area)
    leaf = paging.leaf(view, "texts", ordered(texts), [field], turn)
    return [*(one_text(view, one, place) for one, place in leaf.placed), *leaf.turn]


def ordered(texts: tuple[Text, ...]) -> list[Text]:
    """What waits first, the most urgent and then the oldest of it; then what was read, the newest first."""
    waiting = sorted((one for one in texts if not one.read), key=lambda one: urgency.soonest(one.priority))
    return [*waiting, *(one for one in reversed(texts) if one.read)]


def one_text(view: View, text: Text, area: Area) -> Box:
    """A text that fits is read by a tap; of a longer one a tap opens the whole, which is read at its end."""
    words, tone = words_of(view, text), "button" if text.read else "proposed"
    shown = paging.beginning(words, area)
    if len(paging.lines(words, area.width)) > area.height:
        return target(area, shown, f"open:{name(text)}", tone)
    if text.read:
        return Box(area=area, words=shown, middle=True)
    return target(area, shown, f"read:{text.text_id}", tone)


def words_of(view: View, text: Text) -> str:
    """How soon it is wanted, and who wrote what."""
    by = f"{clean(text.sent_by)}:" if text.sent_by else ""
    return " ".join(part for part in (urgency.in_words(view.say, text.priority), by, clean(text.text)) if part)


def answers(view: View, area: Area) -> list[Box]:
    """Ready words, and a field for one's own."""
    profile = None if view.snapshot is None else view.snapshot.profile
    choices: tuple[Choice, ...] = () if profile is None else profile.texts
    rows = max(area.height // LEAST_HEIGHT, 1)
    columns = max(min(-(-(len(choices) + 1) // rows), area.width // LEAST_ANSWER), 1)
    fields = area.grid(rows, columns)
    leaf = paging.leaf(view, "answers", choices, fields[:-1])
    found = [target(field, view.say.label(one.label), f"ready:{one.code}") for one, field in leaf.placed]
    own = fields[min(len(choices), len(fields) - 1)]
    return [*found, *leaf.turn, target(own, view.say("Write"), "type:text", "locked" if view.is_locked else "button")]
