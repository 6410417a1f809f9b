"""The officers' screen: core's word and the crew's taps in, a picture and commands out; the rest is pure."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic_ns
from typing import ClassVar

from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from terminal.map.drawing import CellSize, Tiles
from terminal.screen import backlight, daylight, frame, sound
from terminal.screen.backlight import Backlight
from terminal.screen.cells import Box
from terminal.screen.darkness import dimmed
from terminal.screen.feed import Feed, Seen
from terminal.screen.following import followed
from terminal.screen.language import Say
from terminal.screen.pages import chart
from terminal.screen.remembering import Memory
from terminal.screen.ringing import calls, looked_at, rung
from terminal.screen.settling import refused, stood, takes
from terminal.screen.sheet import Sheet
from terminal.screen.sos import is_elsewhere, touched
from terminal.screen.sound import Sound
from terminal.screen.state import Page, spoken
from terminal.screen.tapping import tapped
from terminal.screen.view import View
from terminal.screen.wanted import Wanted

REFRESH_S = 0.25
"""Ages and the second tap's time run on; a change of the alarm or of core's presence is shown at once."""


def _local_now() -> datetime:
    return datetime.now().astimezone()


class TerminalScreen(App[None]):
    """It claims nothing that core has not said, and nothing as if it were so now once core is gone."""

    CSS = "Screen { overflow: hidden; } Sheet { width: 100%; height: 100%; }"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "button", show=False),
        Binding("q", "leave", show=False),
        Binding("ctrl+q,ctrl+c", "leave", show=False, priority=True),
    ]

    def __init__(
        self,
        socket: Path,
        on_button: Callable[[], None] | None = None,
        mono_ns: Callable[[], int] = monotonic_ns,
        local_now: Callable[[], datetime] = _local_now,
        maps: Sequence[Tiles] = (),
        lights: Path | None = None,
        remembered: Path | None = None,
        cell: Callable[[], CellSize | None] = lambda: None,
    ) -> None:
        super().__init__()
        self._feed = Feed(socket, self._changed)
        self._on_button = on_button
        self._mono_ns = mono_ns
        self._local_now = local_now
        self._memory = Memory(remembered)
        self._state = self._memory.recalled(mono_ns())
        self._before = self._feed.seen
        self._maps = tuple(maps)
        self._cell = cell
        self._cell_now: CellSize | None = None
        self._is_drawing_due = False
        self._backlight = Backlight(lights)
        self.sheet = Sheet(self._takes)

    def compose(self) -> ComposeResult:
        """One sheet of cells."""
        yield self.sheet

    def on_mount(self) -> None:
        """Follow core for ever."""
        self.set_interval(REFRESH_S, self._refresh)
        self.run_worker(self._feed.run(), name="feed")

    def _changed(self, seen: Seen) -> None:
        before, self._before = self._before, seen
        self._let_hear(before, seen)
        self._state = followed(self._state, before, seen, self._mono_ns())
        if _urgent(seen) != _urgent(before):
            self._refresh()

    def _let_hear(self, before: Seen, seen: Seen) -> None:
        if seen.snapshot is not None and seen.snapshot is not before.snapshot:
            for one in sound.heard(before.snapshot, seen.snapshot, is_dark=self._state.is_dark):
                self._play(one, self._state.volume)

    def _play(self, one: Sound, volume: int) -> None:
        self.run_worker(sound.play(one, volume), name="sound")

    def _ring(self) -> None:
        snapshot, ringing = self._feed.seen.snapshot, self._state.ringing
        if snapshot is not None:
            ringing, sounds = rung(ringing, calls(snapshot, ringing.seen, self._mono_ns()), self._mono_ns())
            for one in sounds:
                self._play(one, self._state.volume)
        is_map = self._state.page is Page.MAP and self.view().is_page_shown
        self._state = replace(self._state, ringing=looked_at(ringing) if is_map else ringing)

    def _refresh(self) -> None:
        self._ring()
        if self.is_running and self.sheet.size.width > 0:
            state, view = self._state, self.view()
            palette = state.palette or daylight.fitting(view.seen.newest, view.now_ns)
            palette = dimmed(palette) if view.is_dim else palette
            light = backlight.share(state.brightness, palette, is_dark=view.is_dark, is_dim=view.is_dim)
            self._backlight.show(light)
            boxes = frame.boxes(self.view())
            self._state = replace(state, standing=stood(state.standing, boxes, self._mono_ns()))
            self.sheet.show(boxes, palette)

    def _takes(self, box: Box) -> bool:
        return takes(self._state.standing, box, self._mono_ns())

    def view(self) -> View:
        """All that the picture is made of now."""
        size = self.sheet.size
        return View(
            seen=self._feed.seen,
            state=self._state,
            say=Say(spoken(self._state, self._feed.seen.newest)),
            now_ns=self._mono_ns(),
            local=self._local_now(),
            height=size.height,
            width=size.width,
            maps=self._maps,
            cell=self._cell_now,
            light=self._backlight.light,
        )

    def on_sheet_resized(self) -> None:
        """Draw for another size, of cells too: the terminal's doing, and nothing that a finger could have missed."""
        self._cell_now = self._cell()
        self._state = replace(self._state, standing=())
        self._refresh()

    def on_sheet_touched(self, touch: Sheet.Touched) -> None:
        """A finger came down: what is neither of SOS's places may be rain; what refused it may have come unseen."""
        if is_elsewhere(self.sheet.boxes, touch.row, touch.column):
            self._state = replace(self._state, elsewhere_ns=touched(self._state.elsewhere_ns, self._mono_ns()))
        if touch.refused is not None:
            standing = refused(self._state.standing, touch.refused, self._mono_ns())
            self._state = replace(self._state, standing=standing)

    def on_sheet_tapped(self, tap: Sheet.Tapped) -> None:
        """A finger: the screen changes at once; core is told, or a tone is heard."""
        code = chart.placed(self.view(), tap.code, tap.area) if tap.code.startswith(chart.ON_MAP) else tap.code
        before = self._state
        self._state, wanted = tapped(before, code, self._feed.seen.snapshot, self._mono_ns())
        if not all(self._is_done(one) for one in wanted):
            # What nobody has taken is still there to be sent.
            self._state = before
        self._refresh()
        if self._memory.keep(self._state, self._mono_ns()):
            # Whatever the disk does, the next tap may be SOS.
            self.run_worker(asyncio.to_thread(self._memory.write), name="memory")

    def _is_done(self, wanted: Wanted) -> bool:
        """Give it to core, or let it be heard; False when core is not there."""
        if not isinstance(wanted, Sound):
            return self._feed.send(wanted)
        self._play(wanted, sound.LOUDEST)
        return True

    def on_sheet_dragged(self, drag: Sheet.Dragged) -> None:
        """A finger that moves; what has queued up of it by the time of drawing is drawn at once."""
        code = chart.moved(self.view(), drag.area, drag.rows, drag.columns)
        self._state, _ = tapped(self._state, code, self._feed.seen.snapshot, self._mono_ns())
        if not self._is_drawing_due:
            self._is_drawing_due = True
            self.call_later(self._draw_due)

    def _draw_due(self) -> None:
        self._is_drawing_due = False
        self._refresh()

    def action_button(self) -> None:
        """In the demonstration: a finger on the dashboard's button."""
        if self._on_button is not None:
            self._on_button()

    def action_leave(self) -> None:
        """In the demonstration only; an officer's screen has no way out."""
        if self._on_button is not None:
            self.exit()


def _urgent(seen: Seen) -> object:
    """What is shown at once."""
    alarms = None if seen.snapshot is None else [alarm for alarm in seen.snapshot.alarms if not alarm.silent]
    return alarms, seen.connected, seen.shown_held, seen.refused
