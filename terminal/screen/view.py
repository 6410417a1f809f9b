"""All that a page is drawn from. Pure."""

from datetime import datetime

from msgspec import Struct

from terminal.link import Snapshot
from terminal.map.drawing import CellSize, Tiles
from terminal.screen import darkness
from terminal.screen.backlight import Light
from terminal.screen.driving import is_locked, is_moving
from terminal.screen.feed import Seen
from terminal.screen.ladder import shown_alarm
from terminal.screen.language import Say
from terminal.screen.ringing import is_answer_due
from terminal.screen.sos import Arming
from terminal.screen.state import ASIDE_NS, REFUSAL_SHOWN_NS, Aside, ScreenState
from terminal.screen.words import age
from terminal.shown import AlarmView


class View(Struct, frozen=True, kw_only=True):
    """What core said, where the crew is, what time it is, and how large the screen is.

    `local` is the machine's clock as it shows in this time zone; `now_ns` the monotonic one. `cell` is how many pixels
    a cell has, where the terminal draws any.
    """

    seen: Seen
    state: ScreenState
    say: Say
    now_ns: int
    local: datetime
    height: int
    width: int
    maps: tuple[Tiles, ...] = ()
    cell: CellSize | None = None
    light: Light = Light.NONE

    @property
    def snapshot(self) -> Snapshot | None:
        """What core says now; None while it is gone."""
        return self.seen.snapshot

    @property
    def alarm(self) -> AlarmView | None:
        """The alarm that may be shown, if there is one; once core is gone as it was last."""
        return None if self.seen.newest is None else shown_alarm(self.seen.newest.alarms)

    @property
    def is_alarm_on_top(self) -> bool:
        """Whether an alarm has the page, open or waiting for core: put aside it comes back, unless somebody took it."""
        held, alarm, aside = self.seen.shown_held, self.alarm, self.state.aside
        if held is None and (alarm is None or alarm.cleared_by):
            return False
        kind = alarm.kind if held is None and alarm is not None else held and held.kind
        if self.is_answer_due and kind == "test":
            return False
        if aside is None or self._is_newer(aside):
            return True
        is_taken = held is None and alarm is not None and alarm.taken
        return not is_taken and self.now_ns - aside.since_ns > ASIDE_NS

    def _is_newer(self, aside: Aside) -> bool:
        """Whether the alarm, or its last press, is none of those that were put aside."""
        if self.seen.shown_held is not None:
            return self.seen.connected or self.seen.held_mono_ns > aside.since_ns
        if not self.seen.connected and aside.since_ns >= self.seen.lost_mono_ns:
            return False
        return self.alarm is not None and aside.presses.get(self.alarm.incident) != self.alarm.signals

    @property
    def is_alarm_aside(self) -> bool:
        """Whether there is an open alarm that the crew has put aside."""
        return self.alarm is not None and not self.alarm.cleared_by and not self.is_alarm_on_top

    @property
    def is_answer_due(self) -> bool:
        """Whether a lone officer must say that all is well."""
        return self.snapshot is not None and is_answer_due(self.snapshot.check_in, self.now_ns)

    @property
    def is_dark(self) -> bool:
        """Whether the panel gives no light: what has begun to wait since it was darkened lights it while it waits."""
        if self.snapshot is None:
            return self.state.is_dark and self.now_ns - self.seen.lost_mono_ns < darkness.WITHOUT_CORE_NS
        return self.state.is_dark and not darkness.lit_by(self.snapshot, self.now_ns) - self.state.dark_with

    @property
    def is_dim(self) -> bool:
        """Whether it gives light though the crew has darkened it."""
        return self.state.is_dark and not self.is_dark

    @property
    def is_page_shown(self) -> bool:
        """Whether the page that the crew chose is to be seen: nothing that cannot wait stands in its place."""
        idle = self.state.sos.arming(self.now_ns) is Arming.IDLE
        return idle and not (self.is_dark or self.is_alarm_on_top or self.is_answer_due)

    @property
    def is_refusal_new(self) -> bool:
        """Whether core has refused a command a moment ago."""
        refused_ns = self.state.refused_ns
        return self.seen.refused is not None and refused_ns is not None and self.now_ns - refused_ns < REFUSAL_SHOWN_NS

    @property
    def is_locked(self) -> bool:
        """Whether the car moves or is not in Park, as far as the screen cares."""
        return is_locked(self.snapshot, self.state.moved_ns, self.now_ns)

    @property
    def is_moving(self) -> bool:
        """Whether it is for the car's moving that it is locked."""
        return is_moving(self.snapshot, self.state.moved_ns, self.now_ns)

    def age(self, since_ns: int) -> str:
        """How long ago, in the unit that fits it."""
        return age(self.now_ns - since_ns)
