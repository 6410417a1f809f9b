"""Quick reports: a form, one tap a question, one to send; place and time are the car's own. Pure."""

from math import ceil

from terminal.contract.profile import Form, Question
from terminal.screen import paging
from terminal.screen.cells import LEAST_HEIGHT, MAIN_HEIGHT, Area, Box, target
from terminal.screen.state import find_form
from terminal.screen.view import View

COLUMNS = 3
LEAST_ANSWER = 9
"""An answer's place is at least so wide."""


def boxes(view: View, area: Area) -> list[Box]:
    """The forms; of a chosen one the first question that is open; then the whole, to be sent."""
    form = find_form(view.snapshot, view.state.form)
    if form is None:
        return forms(view, area)
    question = next((one for one in form.questions if one.code not in view.state.answers), None)
    return summary(view, form, area) if question is None else asked(view, form, question, area)


def forms(view: View, area: Area) -> list[Box]:
    """What may be reported."""
    profile = None if view.snapshot is None else view.snapshot.profile
    known = () if profile is None else profile.forms
    if not known:
        return [Box(area=area, words=view.say("This role has no reports."), tone="dim", middle=True)]
    fields = paging.fields(area, len(known), min(len(known), COLUMNS), MAIN_HEIGHT)
    leaf = paging.leaf(view, "forms", known, fields)
    found = [target(field, view.say.label(form.label), f"form:{form.code}", main=True) for form, field in leaf.placed]
    return [*found, *leaf.turn]


def asked(view: View, form: Form, question: Question, area: Area) -> list[Box]:
    """One question and its answers."""
    head, field = area.rows(1, 0)
    words = f"{view.say.label(form.label)}: {view.say.label(question.label)}"
    leaf = paging.leaf(view, question.code, question.choices, places(field, len(question.choices)))
    found = [target(cell, view.say.label(one.label), f"say:{question.code}:{one.code}") for one, cell in leaf.placed]
    return [Box(area=head, words=words, tone="title"), *found, *leaf.turn]


def places(area: Area, count: int) -> tuple[Area, ...]:
    """For answers, in one glance: rather narrow than on another leaf."""
    rows = min(ceil(count / COLUMNS), area.height // LEAST_HEIGHT)
    return area.grid(rows, min(ceil(count / rows), area.width // LEAST_ANSWER))


def summary(view: View, form: Form, area: Area) -> list[Box]:
    """What will be told, and the tap that tells it."""
    left, right = area.columns(0, max(area.width // 3, 14), gap=1)
    lines = [view.say.label(form.label)]
    for question in form.questions:
        choice = next(one for one in question.choices if one.code == view.state.answers[question.code])
        lines.append(f"{view.say.label(question.label)}: {view.say.label(choice.label)}")
    send, back = right.rows(0, LEAST_HEIGHT)
    return [
        Box(area=left, words="\n".join([*lines, view.say("Place and time are added.")])),
        target(send, view.say("Send"), "file:", "proposed", main=True),
        target(back, view.say("Back"), "page:report"),
    ]
