"""What may not be used while the car moves, or could at once. Pure."""

from terminal.link import Snapshot


def is_locked(snapshot: Snapshot | None) -> bool:
    """Whether typing, forms and lists to read are locked: the car is known to move, or not to be in Park."""
    return is_moving(snapshot) or (snapshot is not None and snapshot.vehicle.in_park is False)


def is_moving(snapshot: Snapshot | None) -> bool:
    """Whether the car is known to move faster than its profile allows for them."""
    if snapshot is None or snapshot.profile is None or snapshot.vehicle.speed_mps is None:
        return False
    return snapshot.vehicle.speed_mps > snapshot.profile.lock_above_mps
