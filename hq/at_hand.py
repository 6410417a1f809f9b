"""The incidents that headquarters has in memory: those that are open, and of each car the last that ended. Pure.

Everything older is on disk alone: what is done every second must not take longer with every incident there ever was.
"""

from collections.abc import Iterable, Iterator, Mapping

from hq.incidents import Incident, Key

UnitKey = tuple[str, str]

MOST_ENDED = 20
"""Ended incidents at hand of each car: as many as it is told of."""


class AtHand(Mapping[Key, Incident]):
    """By key, in the order in which they came to be known; by car; the open ones alone."""

    def __init__(self, known: Iterable[Incident] = ()) -> None:
        self._every: dict[Key, Incident] = {}
        self._open: dict[Key, Incident] = {}
        self._of_car: dict[UnitKey, dict[Key, Incident]] = {}
        self.put(known)

    def put(self, changed: Iterable[Incident]) -> None:
        """These are new, or not as they were."""
        for one in changed:
            self._every[one.key] = one
            of_car = self._of_car.setdefault(one.key[:2], {})
            of_car[one.key] = one
            if one.is_open:
                self._open[one.key] = one
            else:
                self._open.pop(one.key, None)
                self._forget_oldest(of_car)

    def forget(self, keys: Iterable[Key]) -> None:
        """These are no incidents."""
        for key in keys:
            for known in (self._every, self._open, self._of_car.get(key[:2], {})):
                known.pop(key, None)

    def _forget_oldest(self, of_car: dict[Key, Incident]) -> None:
        ended = [one for one in of_car.values() if not one.is_open]
        if len(ended) > MOST_ENDED:
            oldest = min(ended, key=lambda one: one.told_revision)
            del self._every[oldest.key], of_car[oldest.key]

    def open(self) -> list[Incident]:
        """Those that nobody has ended."""
        return list(self._open.values())

    def of_car(self, unit: UnitKey) -> list[Incident]:
        """One car's, open and ended."""
        return list(self._of_car.get(unit, {}).values())

    def has_open(self, unit: UnitKey) -> bool:
        """Whether one of this car is open."""
        return any(one.is_open for one in self._of_car.get(unit, {}).values())

    def __getitem__(self, key: Key) -> Incident:
        return self._every[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._every)

    def __len__(self) -> int:
        return len(self._every)
