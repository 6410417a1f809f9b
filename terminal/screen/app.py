"""One plain page for 50 x 15 cells: position, speed, line, duty, the alarm's ladder, and SOS in two taps."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.widgets import ContentSwitcher

from terminal.link import AlarmView, RaiseAlarm, SetDuty, Snapshot, Urgency
from terminal.screen import ladder, words
from terminal.screen.feed import Feed, Seen
from terminal.screen.ladder import Ladder, shown_alarm
from terminal.screen.line import Line
from terminal.screen.sos import Arming, Sos
from terminal.screen.target import Target

REFRESH_S = 0.25
"""Ages and the second tap's time run on; a change of the alarm or of core's presence is shown at once."""

OTHER_VIEW_NS = 10_000_000_000
REFUSAL_SHOWN_NS = 8_000_000_000
LADDER_ROWS = 7
WIDE_DUTY = 6
"""Up to so many statuses stand in two columns, more in three."""


class TerminalScreen(App[None]):
    """The page; it claims nothing that core has not said, and nothing at all once core is gone."""

    CSS_PATH = "screen.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "button", show=False),
        Binding("q", "leave", show=False),
        Binding("ctrl+q,ctrl+c", "leave", show=False, priority=True),
    ]

    def __init__(
        self, socket: Path, on_button: Callable[[], None] | None = None, mono_ns: Callable[[], int] = monotonic_ns
    ) -> None:
        super().__init__()
        self._feed = Feed(socket, self._changed)
        self._on_button = on_button
        self._mono_ns = mono_ns
        self._sos = Sos()
        self._other_view_ns: int | None = None
        self._refused_ns = 0
        self._choices: tuple[tuple[str, str], ...] = ()
        self._before = self._feed.seen

    def compose(self) -> ComposeResult:
        """Four lines of facts; beneath them what goes on at the left, and what is always there at the right."""
        with Horizontal(id="top"):
            yield Line(id="car")
            yield Line(id="speed")
        yield Line(id="position")
        yield Line(id="line")
        yield Line(id="notice")
        with Horizontal(id="middle"):
            with ContentSwitcher(id="left", initial="ladder"):
                with Vertical(id="ladder"):
                    for row in range(LADDER_ROWS):
                        yield Line(id=f"row-{row}", classes="row")
                    yield Line(id="banner")
                yield Container(id="duty")
                with Container(id="second"):
                    yield Target("", "send", id="send")
            with Vertical(id="right"):
                yield Target("SOS", "arm", id="sos")
                yield Target("", "view", id="view")

    def on_mount(self) -> None:
        """Follow core for ever."""
        self._refresh()
        self.set_interval(REFRESH_S, self._refresh)
        self.run_worker(self._feed.run(), name="feed")

    def _changed(self, seen: Seen) -> None:
        before, self._before = self._before, seen
        if seen.refused is not before.refused:
            self._refused_ns = self._mono_ns()
        if _urgent(seen) != _urgent(before):
            self._refresh()

    def _refresh(self) -> None:
        if not self.is_running:
            return  # While the app ends its timer outlives its widgets.
        now_ns, seen = self._mono_ns(), self._feed.seen
        alarm = None if seen.snapshot is None else shown_alarm(seen.snapshot.alarms)
        view = self._view(seen, alarm, now_ns)
        self.query_one("#left", ContentSwitcher).current = view
        for name, said in words.facts(seen.snapshot, now_ns).items():
            self._say(name, said)
        self._say("notice", self._notice(seen, alarm, view, now_ns))
        self._say_ladder(self._ladder(seen, alarm, now_ns))
        self._say_second(self._sos.arming(now_ns), now_ns)
        self._say_duty(seen.snapshot)
        self._say_view(seen.snapshot, alarm, view)

    def _view(self, seen: Seen, alarm: AlarmView | None, now_ns: int) -> str:
        """What stands at the left: what cannot wait, else what the crew chose, else an open alarm, else duty."""
        if self._sos.arming(now_ns) is not Arming.IDLE:
            return "second"
        if seen.shown_held is not None or seen.snapshot is None:
            return "ladder"
        if alarm is None:
            return "duty"
        other = self._other_view_ns is not None and now_ns - self._other_view_ns < OTHER_VIEW_NS
        return "ladder" if other is bool(alarm.cleared_by) else "duty"

    def _notice(self, seen: Seen, alarm: AlarmView | None, view: str, now_ns: int) -> words.Said:
        """The line for what else is wrong; an alarm's urgency stands there while its banner is not to be seen."""
        if seen.snapshot is None:
            return words.NOTHING
        if alarm is not None and alarm.urgency is not Urgency.NONE and view != "ladder":
            return ladder.BANNERS[alarm.urgency]
        if seen.refused is not None and now_ns - self._refused_ns < REFUSAL_SHOWN_NS:
            return f"NOT DONE: {words.clean(seen.refused.reason)}", "bad"
        return words.notice(seen.snapshot, alarm, now_ns)

    def _ladder(self, seen: Seen, alarm: AlarmView | None, now_ns: int) -> Ladder | None:
        if seen.shown_held is not None:
            return ladder.of_held(seen.shown_held, seen.held_mono_ns, now_ns, core_is_there=seen.connected)
        if seen.snapshot is None:
            return ladder.of_loss(seen.problem, seen.lost_mono_ns, now_ns)
        return None if alarm is None else ladder.of_alarm(alarm, now_ns)

    def _say_ladder(self, rungs: Ladder | None) -> None:
        rows = () if rungs is None else rungs.rows
        for number, row in enumerate(self.query(".row").results(Line)):
            row.say(rows[number] if number < len(rows) else words.NOTHING)
        self._say("banner", words.NOTHING if rungs is None else rungs.banner)

    def _say_second(self, arming: Arming, now_ns: int) -> None:
        armed = arming is Arming.ARMED
        send, sos = self.query_one("#send", Target), self.query_one("#sos", Target)
        send.say(f"TAP HERE\nTO CALL HELP\n{self._sos.left_s(now_ns)} s" if armed else "NOT SENT\ntap SOS again")
        sos.say("TAP AT\nTHE LEFT" if armed else "SOS")
        send.set_class(armed, "armed")
        sos.set_class(armed, "armed")

    def _say_view(self, snapshot: Snapshot | None, alarm: AlarmView | None, view: str) -> None:
        to_alarm = view == "duty" and alarm is not None
        duty = "" if snapshot is None else words.duty(snapshot.duty, dict(self._choices))[0]
        self.query_one("#view", Target).say("SHOW\nALARM" if to_alarm else duty)

    def _say_duty(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            return
        duty = self.query_one("#duty", Container)
        statuses = () if snapshot.profile is None else snapshot.profile.statuses
        choices = tuple((one.code, one.label.en) for one in statuses)
        if choices != self._choices:
            self._choices = choices
            duty.set_class(len(self._choices) > WIDE_DUTY, "many")
            duty.remove_children()
            duty.mount(*(Target(words.clean(label), f"duty {code}") for code, label in self._choices))
        for target in duty.query(Target):
            target.set_class(target.code == f"duty {snapshot.duty.status}", "chosen")

    def _say(self, name: str, said: words.Said) -> None:
        self.query_one(f"#{name}", Line).say(said)

    def on_target_tapped(self, tapped: Target.Tapped) -> None:
        """A finger: SOS arms, the other place sends; the view changes; a duty status is set."""
        now_ns = self._mono_ns()
        if tapped.code == "arm":
            self._sos = Sos(now_ns)
        elif tapped.code == "send" and self._sos.arming(now_ns) is Arming.ARMED:
            self._sos = Sos()
            self._feed.send(RaiseAlarm())
        elif tapped.code == "view":
            self._other_view_ns = None if self._other_view_ns is not None else now_ns
        elif tapped.code.startswith("duty "):
            self._feed.send(SetDuty(status=tapped.code.removeprefix("duty ")))
            self._other_view_ns = None
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
