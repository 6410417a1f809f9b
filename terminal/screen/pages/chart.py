"""Who is near and who needs help: direction and distance; old positions look old. Pure."""

from terminal.screen.cells import Area, Box
from terminal.screen.view import View


def boxes(view: View, area: Area) -> list[Box]:
    """Nothing yet but that there is none."""
    return [Box(area=area, words=view.say("No map is loaded."), tone="dim", middle=True)]
