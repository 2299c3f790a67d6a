"""Troubles as tables for a terminal, and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfmodel.diagnosis.troubles import Trouble
from sfmodel.results.summary import format_value
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table

LEAST = 0.005
"""Causes from which fewer of the failures come, and less of the time, and that are less busy than `BUSY`, are left out."""
BUSY = 0.8
_FEW = 4


def troubles_table(found: Sequence[Trouble], title: str = "") -> Table:
    """Lay out the causes that matter: what comes from each beside how busy it is."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("cause", overflow="fold")
    for head in ("failures", "of them", "of the time", "busy", "waiting", "refused"):
        table.add_column(head, justify="right", no_wrap=True)
    shown = matters(found)
    for one in [*shown, *_others([one for one in found if one not in shown])]:
        shares = [format_value(value, "share") for value in (one.failure_share, one.time_share, one.busy)]
        table.add_row(
            escape(one.cause), f"{one.failures:,}", *shares, format_value(one.waiting, "1"),
            format_value(one.refused, "share"),
        )  # fmt: skip
    return table


def endpoints_table(failures: Mapping[str, Mapping[str, int]], title: str = "") -> Table:
    """Lay out what the failures of each endpoint come from."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("endpoint", overflow="fold")
    table.add_column("failures", justify="right", no_wrap=True)
    table.add_column("come from", overflow="fold")
    for endpoint, causes in sorted(failures.items(), key=lambda one: -sum(one[1].values())):
        total = sum(causes.values())
        first = [f"{format_value(n / total, 'share')} {cause}" for cause, n in list(causes.items())[:_FEW]]
        if total:
            table.add_row(escape(endpoint), f"{total:,}", escape(", ".join([*first, *["…"][: len(causes) > _FEW]])))
    return table


def matters(found: Sequence[Trouble]) -> list[Trouble]:
    """The causes that something comes from, and those that are busy."""
    return [one for one in found if one.failure_share >= LEAST or one.time_share >= LEAST or one.busy >= BUSY]


def _others(left_out: Sequence[Trouble]) -> list[Trouble]:
    """Those that are left out as one, if failures come from them."""
    failures = sum(one.failures for one in left_out)
    of_failures, of_time = sum(one.failure_share for one in left_out), sum(one.time_share for one in left_out)
    return [Trouble("others", failures, of_failures, of_time, math.nan, math.nan, math.nan)] if failures else []


def troubles_data(found: Sequence[Trouble]) -> list[dict[str, Any]]:
    """The causes as JSON can hold them: what cannot be is null."""
    return [{key: None if value != value else value for key, value in asdict(one).items()} for one in found]
