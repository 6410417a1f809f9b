"""An event loop whose time is given and not measured: it goes on at once to the next thing that is due."""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any


class _Skipping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Looks at what is ready and never waits: the waiting is added to the loop's time."""

    passes: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("nothing is left that could ever happen")
        if not ready and timeout:
            self.passes(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """What is given to an executor is done at once, so that every run of the same story is the same."""

    def __init__(self) -> None:
        self._now_s = 1000.0
        selector = _Skipping()
        selector.passes = self._pass
        super().__init__(selector)

    def time(self) -> float:
        """Seconds; of this loop's own."""
        return self._now_s

    def _pass(self, seconds: float) -> None:
        self._now_s += seconds

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """The result of a call that is made now."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - belongs to the caller, whatever it is
            done.set_exception(error)
        return done
