"""One tree of errors; each is a standard exception too, and each names source, expectation and remedy.

PatrolaError
├── ConfigError (ValueError)            a configuration that cannot be used
├── SourceError (OSError)               a device or recording failed
│   ├── SourceMissing (FileNotFoundError)   it is not there
│   ├── SourceLost (ConnectionError)        it was there and has gone
│   ├── SourceStale (TimeoutError)          it is there and says nothing
│   └── SourceRefused (PermissionError)     it is there and may not be used
└── BadInput (ValueError)               one sentence, frame or line that cannot be believed; the source goes on
"""


class PatrolaError(Exception):
    """What every error of ours is: `source`, what was wrong, what was expected, what to do."""

    def __init__(self, source: str, problem: str, remedy: str = "") -> None:
        super().__init__(source, problem, remedy)
        self.source = source
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}" + (f"; {self.remedy}" if self.remedy else "")


class ConfigError(PatrolaError, ValueError):
    """A configuration that cannot be used."""


class SourceError(PatrolaError, OSError):
    """A device or recording failed."""


class SourceMissing(SourceError, FileNotFoundError):
    """The device or file is not there."""


class SourceLost(SourceError, ConnectionError):
    """The device was there and has gone."""


class SourceStale(SourceError, TimeoutError):
    """The device is there and has said nothing for too long."""


class SourceRefused(SourceError, PermissionError):
    """The device is there and this user may not use it."""


class BadInput(PatrolaError, ValueError):
    """One sentence, frame or line that cannot be believed; the source goes on."""
