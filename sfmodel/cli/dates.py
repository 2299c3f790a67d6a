"""The argument that dates day 1 in a file for other tools."""

from __future__ import annotations

import argparse
from datetime import date


def add_date_argument(parser: argparse.ArgumentParser, with_what: str) -> None:
    """Declare --date; `with_what` says which argument it belongs to."""
    parser.add_argument(
        "--date",
        type=_date,
        metavar="YYYY-MM-DD",
        help=f"{with_what}: the date of day 1, for tools that show the last hours (default: 1970-01-01)",
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a date such as 2026-03-01, found '{text}'") from None
