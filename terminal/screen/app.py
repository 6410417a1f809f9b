"""One plain page for 50 x 15 cells: position, speed, line, duty, the alarm and SOS in two taps."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Static

from terminal.link import RaiseAlarm, SetDuty, Snapshot
from terminal.screen import words
from terminal.screen.feed import Feed

ARMED_FOR_S = 3.0
"""The second tap of SOS must come within this, in another place."""
COLOURS = ("good", "warn", "bad", "dim")


class TerminalScreen(App[None]):
    """The page; it claims nothing that core has not said, and nothing at all once core is gone."""

    CSS_PATH = "screen.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "button", "press the simulated button", show=False),
        Binding("q", "leave", "leave the demonstration", show=False),
    ]

    def __init__(self, socket: Path, button: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._feed = Feed(socket, self._show, self._refused)
        self._button = button
        self._seen: Snapshot | None = None
        self._armed_s: float | None = None

    def compose(self) -> ComposeResult:
        """The page from top to bottom, 15 rows."""
        with Horizontal(classes="row"):
            yield Static(id="place")
            yield Static(id="speed")
        yield Static(id="line")
        yield Static(id="alarm")
        yield Static(id="rungs")
        yield Horizontal(id="duty")
        with Horizontal(id="bottom"):
            yield Button("SOS", id="sos")
            yield Static(id="gap")
            yield Button("CALL HELP", id="confirm")

    def on_mount(self) -> None:
        """Follow core; time alone makes things old."""
        self._show(None)
        self.run_worker(self._feed.run(), name="feed")
        self.set_interval(0.5, self._refresh)

    def _show(self, snapshot: Snapshot | None) -> None:
        self._seen = snapshot
        self._refresh()

    def _refresh(self) -> None:
        if self._armed_s is not None and time.monotonic() - self._armed_s > ARMED_FOR_S:
            self._arm(None)
        seen = self._seen
        if seen is None:
            self._say("place", ("", "dim"))
            self._say("speed", ("", "dim"))
            self._say("line", ("THE TERMINAL IS NOT RUNNING", "bad"))
            self._say("alarm", ("USE THE RADIO", "bad"))
            self._say("rungs", ("", "dim"))
            return
        self._say("place", words.position(seen.position, time.monotonic_ns()))
        self._say("speed", words.speed(seen))
        self._say("line", words.line(seen.line))
        alarm = words.shown_alarm(seen.alarms)
        self._say("alarm", ("", "dim") if alarm is None else words.alarm(alarm))
        self._say("rungs", ("", "dim") if alarm is None else (words.rungs(alarm), "dim"))
        self._show_duty(seen)

    def _say(self, name: str, said: words.Said) -> None:
        text, colour = said
        line = self.query_one(f"#{name}", Static)
        line.update(text)
        for other in COLOURS:
            line.set_class(other == colour, other)

    def _show_duty(self, seen: Snapshot) -> None:
        duty = self.query_one("#duty", Horizontal)
        if not duty.children:
            duty.mount(*(Button(label, id=f"duty-{code}") for code, label in seen.duty.choices[:6]))
        for button in duty.query(Button):
            button.set_class(button.id == f"duty-{seen.duty.status}", "chosen")
        told = "" if seen.duty.received else "duty: HQ not told yet"
        self._say("gap", (told, "dim"))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A tap: SOS arms, the other place sends; a duty status is set."""
        name = event.button.id or ""
        if name == "sos":
            self._arm(time.monotonic())
        elif name == "confirm" and self._armed_s is not None:
            self._arm(None)
            self._send(RaiseAlarm())
        elif name.startswith("duty-"):
            self._send(SetDuty(status=name.removeprefix("duty-")))

    def _arm(self, at_s: float | None) -> None:
        self._armed_s = at_s
        self.query_one("#confirm", Button).set_class(at_s is not None, "armed")

    def _send(self, command: RaiseAlarm | SetDuty) -> None:
        if not self._feed.send(command):
            self._refused("the terminal is not running")

    def _refused(self, reason: str) -> None:
        self._say("gap", (reason, "bad"))

    def action_button(self) -> None:
        """In the demonstration: a finger on the dashboard's button."""
        if self._button is not None:
            self._button()

    def action_leave(self) -> None:
        """In the demonstration only; an officer's screen has no way out."""
        if self._button is not None:
            self.exit()
