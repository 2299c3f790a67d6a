"""Numbers of the command line."""

from __future__ import annotations

import argparse

from sfmodel.errors import ConfigError


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    try:
        found = int(text)
    except ValueError:
        found = 0
    if found < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found '{text}'")
    return found


def not_negative(text: str) -> int:
    """Parse a whole number, 0 or above."""
    return 0 if text.strip() == "0" else positive(text)


def seconds_of(arguments: argparse.Namespace, name: str, least_s: float = 0.0) -> float:
    """Duration that an option gives, s.

    Raises
    ------
    ConfigError
        It is none, or shorter than `least_s`.
    """
    from sfmodel.schema.quantities import to_duration_s

    text = getattr(arguments, name)
    try:
        found = to_duration_s(text, "20min")
    except ValueError as error:
        raise ConfigError(f"--{name}: {error}") from None
    if found < least_s:
        raise ConfigError(f"--{name}: expected at least {least_s:g} s, found {text}")
    return found
