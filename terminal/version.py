"""Which Patrola this is, and the day before which no clock can be right."""

from datetime import UTC, datetime

VERSION = "0.1.0"
BUILD = datetime(2026, 11, 24, tzinfo=UTC)
"""GNSS time is believed from here on."""
