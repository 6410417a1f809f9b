"""What dispatchers ask of a car: jobs and texts, and how its crew answered. Pure."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from hq.incidents import NotPossible
from hq.people import person
from terminal.contract.identity import new_id
from terminal.contract.messages import JobAnswered, TextRead
from terminal.contract.work import ENDED, LONGEST_TEXT, MOST_JOBS, MOST_TEXTS, Job, JobStep, Priority, Text

TOLD_AFTER_END_MS = 3_600_000
"""A job that is over stays on its crew's list for an hour, so that the crew sees that headquarters knows."""

TOLD_AFTER_READ_MS = 12 * 3_600_000
"""A text that was read stays for a shift."""

ORDER = tuple(JobStep)


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job or a text of one car; `changed_ms` is when anything last happened to it, by headquarters' clock."""

    realm: str
    unit: str
    job: Job | None = None
    text: Text | None = None
    changed_ms: int = 0
    withdrawn_by: str = ""

    @property
    def id(self) -> str:
        """Its name, the same at headquarters and in the car."""
        return self.job.job if self.job is not None else self.text.text_id if self.text is not None else ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is expected of the crew."""
        if self.withdrawn_by:
            return True
        return self.job.step in ENDED if self.job is not None else self.text is not None and self.text.read


class Asked(Struct, frozen=True, kw_only=True):
    """What a dispatcher wants done, or read."""

    by: str
    title: str = ""
    text: str = ""
    place: str = ""
    lat_deg: float | None = None
    lon_deg: float | None = None
    priority: Priority = Priority.ROUTINE


def job(realm: str, unit: str, asked: Asked, now_ms: int) -> Order:
    """A new job; raises NotPossible or NoName."""
    _check(asked)
    if not asked.title.strip():
        raise NotPossible("what is to be done? a job needs a title")
    if (asked.lat_deg is None) is not (asked.lon_deg is None):
        raise NotPossible("a place needs both --lat and --lon, in degrees")
    if abs(asked.lat_deg or 0) > 90 or abs(asked.lon_deg or 0) > 180:
        raise NotPossible("expected --lat within 90 and --lon within 180 degrees")
    made = Job(
        job=new_id(),
        title=asked.title.strip(),
        priority=asked.priority,
        text=asked.text.strip(),
        place=asked.place.strip(),
        lat_deg=asked.lat_deg,
        lon_deg=asked.lon_deg,
        sent_ms=now_ms,
        sent_by=person(asked.by),
    )
    return Order(realm=realm, unit=unit, job=made, changed_ms=now_ms)


def text(realm: str, unit: str, asked: Asked, now_ms: int) -> Order:
    """A new text; raises NotPossible or NoName."""
    _check(asked)
    if not asked.text.strip():
        raise NotPossible("what is the crew to read? a text needs words")
    made = Text(
        text_id=new_id(),
        text=asked.text.strip(),
        priority=asked.priority,
        sent_ms=now_ms,
        sent_by=person(asked.by),
    )
    return Order(realm=realm, unit=unit, text=made, changed_ms=now_ms)


def _check(asked: Asked) -> None:
    if max(len(asked.title), len(asked.text), len(asked.place)) > LONGEST_TEXT:
        raise NotPossible(f"expected at most {LONGEST_TEXT} characters, which a crew can read")


def withdrawn(order: Order, by: str, now_ms: int) -> Order:
    """Taken back by a named person. Raises NotPossible or NoName."""
    if order.is_over:
        raise NotPossible(f"{order.id} is over already")
    return replace(order, withdrawn_by=person(by), changed_ms=now_ms)


def answered(order: Order, message: JobAnswered | TextRead, now_ms: int) -> Order:
    """The order after its crew's word, which may come late: a job only goes on."""
    if isinstance(message, TextRead):
        if order.text is None or order.text.read:
            return order
        return replace(order, text=replace(order.text, read=True), changed_ms=now_ms)
    if order.job is None or ORDER.index(message.step) <= ORDER.index(order.job.step) or order.job.step in ENDED:
        return order
    return replace(order, job=replace(order.job, step=message.step, reason=message.reason), changed_ms=now_ms)


def order_id(message: JobAnswered | TextRead) -> str:
    """The order that the crew's word is about; raises ValueError for what is no id."""
    return str(UUID(message.job if isinstance(message, JobAnswered) else message.text_id))


def jobs_told(orders: list[Order], now_ms: int) -> tuple[Job, ...]:
    """A car's jobs as it is told them: open ones, and for a while those that are over; oldest first."""
    found = [one for one in orders if one.job is not None and _is_told(one, now_ms, TOLD_AFTER_END_MS)]
    newest = sorted(found, key=lambda one: (not one.is_over, one.id))[-MOST_JOBS:]
    return tuple(one.job for one in sorted(newest, key=lambda one: one.id) if one.job is not None)


def texts_told(orders: list[Order], now_ms: int) -> tuple[Text, ...]:
    """A car's texts as it is told them; oldest first."""
    found = [one for one in orders if one.text is not None and _is_told(one, now_ms, TOLD_AFTER_READ_MS)]
    newest = sorted(found, key=lambda one: (not one.is_over, one.id))[-MOST_TEXTS:]
    return tuple(one.text for one in sorted(newest, key=lambda one: one.id) if one.text is not None)


def _is_told(order: Order, now_ms: int, for_ms: int) -> bool:
    return not order.withdrawn_by and (not order.is_over or now_ms - order.changed_ms < for_ms)
