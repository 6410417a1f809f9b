"""A keyboard on the screen: digits, and the letters of the crew's language. Pure."""

from terminal.screen.cells import Area, Box, target
from terminal.screen.language import Language
from terminal.screen.view import View

LETTERS = {
    Language.ENGLISH: ("qwertyuiop", "asdfghjkl'", "zxcvbnm,.?"),
    Language.SLOVENIAN: ("qwertzuiopš", "asdfghjklčž", "yxcvbnm,.?!"),
    Language.SERBIAN_LATIN: ("qwertzuiopšđ", "asdfghjklčćž", "yxcvbnm,.?!-"),
    Language.SERBIAN_CYRILLIC: ("љњертзуиопш", "асдфгхјклчћ", "жџцвбнмђ,.?"),
}
"""Rows of the usual layouts (QWERTZ, the Serbian standard's Cyrillic)."""

DIGITS = ("12345", "67890")
HIDDEN = "•"
HEAD_ROWS = 1


def boxes(view: View, area: Area) -> list[Box]:
    """What was typed, and the keys; on this page the keys have the line above too."""
    head, field = area.rows(HEAD_ROWS, 0)
    rows = DIGITS if view.state.typing.layout == "digits" else LETTERS[view.say.language]
    found = [Box(area=head, words=typed(view, head.width), tone="title")]
    for keys, strip in zip(rows, field.rows(*[0] * len(rows)), strict=True):
        fields = strip.columns(*[0] * len(keys))
        found += [target(cell, key, f"key:{key}") for key, cell in zip(keys, fields, strict=True)]
    return found


def typed(view: View, width: int) -> str:
    """The end of what was typed, behind the word for what it is."""
    typing = view.state.typing
    prompts = {
        "text": view.say("Text:"),
        "badge": view.say("Badge:"),
        "pin": view.say("PIN:"),
        "technician": view.say("Technician's PIN:"),
    }
    prompt = prompts[typing.what]
    shown = HIDDEN * len(typing.typed) if typing.what in ("pin", "technician") else typing.typed
    room = max(width - len(prompt) - 2, 1)
    return f"{prompt} {shown[-room:]}_"


def controls(view: View, area: Area) -> list[Box]:
    """Where the page buttons stand otherwise: away, letters or digits, a space, back, and send."""
    typing = view.state.typing
    found = [(view.say("Away"), "away")]
    if typing.what == "text":
        other = "digits" if typing.layout == "letters" else "letters"
        found += [("123" if other == "digits" else "ABC", f"layout:{other}"), ("␣", "key:space")]
    found += [("←", "key:back"), (view.say("Send") if typing.what == "text" else view.say("OK"), "typed")]
    fields = area.columns(*[0] * len(found), gap=1)
    return [
        target(field, words, code, "proposed" if code == "typed" else "button", main=True)
        for (words, code), field in zip(found, fields, strict=True)
    ]
