"""Numbers of the command line."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Parse a whole number above 0."""
    try:
        found = int(text)
    except ValueError:
        found = 0
    if found < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found '{text}'")
    return found
