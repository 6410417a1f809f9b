"""The officers' screen in a browser, for training: it authenticates nobody, so it is served to this machine alone."""

import shlex
import sys

from hal.errors import SourceMissing

LOOPBACK = "127.0.0.1"


def serve(port: int, options: list[str]) -> int:
    """A screen of its own for each visitor, until it is ended; raises SourceMissing without textual-serve."""
    try:
        from textual_serve.server import Server
    except ImportError:
        raise SourceMissing("textual-serve", "is not installed", "pip install 'patrola[training]'") from None
    command = shlex.join([sys.executable, "-m", "terminal.tools.command", "screen", *options])
    Server(command, host=LOOPBACK, port=port, title="Patrola, training").serve()
    return 0
