"""The errors sfmodel raises. Each message is a sentence: what was wrong, where, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SfmodelError(Exception):
    """Base of all errors of this package; `exit_status` is what the command line returns."""

    exit_status = 1


class ConfigError(SfmodelError, ValueError):
    """The request was wrong: a key, a unit, a name, a value."""

    exit_status = 2


class RunError(SfmodelError, RuntimeError):
    """The work failed: memory, disk, an interrupted run."""


class RunNotFoundError(SfmodelError, FileNotFoundError):
    """No finished run under that name or folder."""

    exit_status = 2


class NotInRunError(ConfigError):
    """A run does not have what a measure names: it is of another platform, or the name is mistyped."""


class RowError(ConfigError):
    """A row, or a claim, does not fit the run that it is measured on."""


MOST_NAMES = 16
"""Valid names that a message lists."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return '; did you mean …?' for a mistyped name, or the valid names if none is near."""
    names = list(dict.fromkeys(str(v) for v in valid))
    begun = [known for known in names if name and known.startswith(str(name))]
    close = begun if len(begun) == 1 else difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    if not names:
        return "there are none here"
    listed = ", ".join(sorted(names)[:MOST_NAMES])
    return f"valid are: {listed}{', …' if len(names) > MOST_NAMES else ''}"
