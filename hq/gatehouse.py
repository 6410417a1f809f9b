"""All configured gateways as one thing: begun, run for ever, ended; none of them takes another one with it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any

from hal.errors import ConfigError, PatrolaError
from hq.gateway import KINDS, Emit, Gateway, GatewaySettings

log = logging.getLogger(__name__)

AGAIN_AFTER_S = 1.0
"""After a gateway has failed, and before it is run again."""
SENDS_WITHIN_S = 120.0
"""One that hangs is no reason never to try another answer."""

Took = Callable[[str, bytes, str], Coroutine[Any, Any, object]]
"""Takes a capsule that this gateway brought from there."""


@contextlib.contextmanager
def _alone(name: str) -> Iterator[None]:
    """A defect of this gateway's file is no reason for headquarters not to start."""
    try:
        yield
    except ConfigError:
        raise
    except Exception:
        log.exception("gateway %s is not used; report this as a defect of its file", name)


class Gatehouse:
    """Raises ConfigError for a gateway that is not configured as it must be; one with a defect is left out."""

    def __init__(
        self,
        gateways: Mapping[str, tuple[str, GatewaySettings]],
        took: Took,
        emit: Emit,
        again_after_s: float = AGAIN_AFTER_S,
    ) -> None:
        self._took = took
        self._emit = emit
        self._again_after_s = again_after_s
        self._down: dict[str, str] = {}
        self._gateways: dict[str, Gateway] = {}
        for name, (kind, settings) in gateways.items():
            with _alone(name):
                build = KINDS.module(kind).build
                self._gateways[name] = build(name, settings, partial(self._take, name), emit)

    async def open(self) -> None:
        """Begin; raises ConfigError."""
        for name, gateway in self._gateways.items():
            with _alone(name):
                await gateway.open()

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What runs for ever."""
        return [self._run(name, gateway) for name, gateway in self._gateways.items()]

    async def send(self, gateway: str, to: str, capsule: bytes) -> None:
        """By this gateway; PatrolaError if it took none."""
        try:
            async with asyncio.timeout(SENDS_WITHIN_S):
                await self._gateways[gateway].send(to, capsule)
        except TimeoutError as error:
            raise PatrolaError(gateway, f"it took nothing within {SENDS_WITHIN_S:g} s") from error
        except PatrolaError:
            raise
        except Exception as error:
            log.exception("%s: an answer could not be sent; report this as a defect", gateway)
            raise PatrolaError(gateway, repr(error)) from error

    async def _take(self, name: str, data: bytes, to: str) -> None:
        if self._down.pop(name, None) is not None:
            self._emit("gateway-up", {"gateway": name})
        await self._took(name, data, to)

    async def _run(self, name: str, gateway: Gateway) -> None:
        while True:
            problem = "it has ended"
            try:
                await gateway.run()
            except PatrolaError as error:
                problem = str(error)
            except Exception as error:
                log.exception("%s: the gateway failed; report this as a defect", name)
                problem = repr(error)
            if self._down.get(name) != problem:
                self._down[name] = problem
                log.error("%s: %s", name, problem)
                self._emit("gateway-down", {"gateway": name, "problem": problem, "remedy": ""})
            await asyncio.sleep(self._again_after_s)
