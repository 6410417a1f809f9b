"""From CAN frames to vehicle signals: which decoder a configuration asks for; pure but for reading its files."""

from pathlib import Path

from cantools.database.can import Signal

from drivers import dbc as dbc_file
from drivers.frames import EXTENDED, Decoder, FrameDecoder
from drivers.message_decoder import MessageDecoder, Wanted
from drivers.signal_map import load_map
from hal.errors import ConfigError


def load(vehicle: Path | None, dbc: Path | None) -> Decoder:
    """The decoder of a signal map, or of a DBC alone; ConfigError unless exactly one of the two is given."""
    if vehicle is not None and dbc is None:
        return load_map(vehicle)
    if dbc is not None and vehicle is None:
        return load_dbc(dbc)
    raise ConfigError("CAN", "needs either `vehicle` (a signal map) or `dbc`", "maps are in config/vehicles/")


def load_dbc(path: Path) -> Decoder:
    """Every signal of every message as `MESSAGE.SIGNAL`, in the DBC's units, named values as their names."""
    dbc = dbc_file.load(path)
    by_key: dict[int, FrameDecoder] = {}
    for message in dbc.messages:
        wanted = [_as_cantools(signal, f"{message.name}.{signal.name}") for signal in message.signals]
        by_key[message.frame_id | (EXTENDED if message.is_extended_frame else 0)] = MessageDecoder(
            message, wanted, lenient=dbc.lenient, complete=True
        )
    return Decoder(by_key)


def _as_cantools(signal: Signal, key: str) -> Wanted:
    if not signal.choices:
        return Wanted(signal, key, signal.conversion.scale, signal.conversion.offset)
    names: dict[float, str] = {raw: str(name) for raw, name in signal.choices.items()}
    return Wanted(signal, key, convert=lambda raw: names[raw] if raw in names else dbc_file.scaled(signal, raw))
