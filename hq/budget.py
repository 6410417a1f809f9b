"""How many answers may go out, for one incident and in one hour. Pure."""

from collections import Counter, deque
from typing import NamedTuple

from hq.incidents import Key

HOUR_S = 3600.0


class Budget:
    """`now_s` is the caller's own clock, which only goes forward."""

    def __init__(self, most_per_incident: int, most_per_hour: int) -> None:
        self._most_per_incident = most_per_incident
        self._most_per_hour = most_per_hour
        self._of_incident: Counter[Key] = Counter()
        self._spent_s: deque[float] = deque()

    def spend(self, key: Key, now_s: float) -> bool:
        """Whether one more may go out for this incident; if so, it is counted."""
        while self._spent_s and now_s - self._spent_s[0] > HOUR_S:
            self._spent_s.popleft()
        if self._of_incident[key] >= self._most_per_incident or len(self._spent_s) >= self._most_per_hour:
            return False
        self._of_incident[key] += 1
        self._spent_s.append(now_s)
        return True

    def forget(self, key: Key) -> None:
        """This incident is over for good."""
        self._of_incident.pop(key, None)


class Budgets(NamedTuple):
    """One gateway's: for what is new, and beside it for what has come before."""

    news: Budget
    repeats: Budget
