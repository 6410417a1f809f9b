"""What may not be used while the car moves, or could at once. Pure."""

from terminal.link import Snapshot

STANDS_AFTER_NS = 3_000_000_000
"""So long it must have been slow: at a crawl, about the limit, the pages do not come and go."""


def is_locked(snapshot: Snapshot | None, moved_ns: int | None, now_ns: int) -> bool:
    """Whether typing, forms and lists to read are locked: the car is known to move, or not to be in Park."""
    in_gear = snapshot is not None and snapshot.vehicle.in_park is False
    return in_gear or is_moving(snapshot, moved_ns, now_ns)


def is_moving(snapshot: Snapshot | None, moved_ns: int | None, now_ns: int) -> bool:
    """Whether the car is known to be faster than its profile allows for them, or was a moment ago."""
    return _is_fast(snapshot) or (moved_ns is not None and now_ns - moved_ns < STANDS_AFTER_NS)


def moved(moved_ns: int | None, before: Snapshot | None, after: Snapshot | None, now_ns: int) -> int | None:
    """When the car was fast last, as core's word changes from one to the other: until now it was as the first says."""
    return now_ns if _is_fast(before) or _is_fast(after) else moved_ns


def _is_fast(snapshot: Snapshot | None) -> bool:
    if snapshot is None or snapshot.profile is None or snapshot.vehicle.speed_mps is None:
        return False
    return snapshot.vehicle.speed_mps > snapshot.profile.lock_above_mps
