"""More: the pages that have no button of their own on a small screen. Pure."""

from terminal.screen import bar
from terminal.screen.cells import Area, Box, target
from terminal.screen.view import View


def boxes(view: View, area: Area) -> list[Box]:
    """A large button for each, and one for an alarm that was put aside."""
    fields = area.columns(*[0] * (len(bar.UNDER_MORE) + view.is_alarm_aside), gap=1)
    pages = [
        target(field, bar.name(view, page), f"page:{page}", main=True)
        for page, field in zip(bar.UNDER_MORE, fields, strict=False)
    ]
    return [*pages, *(bar.to_alarm(view, field) for field in fields[len(pages) :])]
