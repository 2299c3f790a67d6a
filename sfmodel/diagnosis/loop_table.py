"""Loops as a table for a terminal, and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfmodel.clock import clock
from sfmodel.diagnosis.loops import Kind, Loop, Stretch
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table

WHAT: Mapping[Kind, str] = {
    "users": "users",
    "calls": "calls",
    "misses": "misses",
}
"""What goes round in a loop."""


def loops_table(found: Sequence[Loop], title: str = "") -> Table:
    """Lay out loops, a line for each: the stretch in which it comes closest to feeding itself."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("", no_wrap=True)
    table.add_column("loop", no_wrap=True)
    table.add_column("from", no_wrap=True)
    for name in ("again, of failures", "of attempts", "gain"):
        table.add_column(name, justify="right")
    table.add_column("", no_wrap=True)
    for loop in found:
        one = loop.closest
        table.add_row(
            WHAT[loop.kind], escape(loop.name), clock(one.begins_s), _number(one.again_per_failure), _number(one.again),
            _gain(one), verdict(one),
        )  # fmt: skip
    return table


def verdict(one: Stretch) -> str:
    """What a gain means, as far as it is known."""
    if math.isnan(one.gain):
        return "not known"
    return "dies out" if one.high < 1 else "grows" if one.low > 1 else "may grow"


def loops_data(found: Sequence[Loop]) -> list[dict[str, Any]]:
    """Loops as JSON holds them: what is not known is null."""
    return [
        {
            "kind": loop.kind, "name": loop.name, "most_again": loop.most_again, "most_again_s": loop.most_again_s,
            "closest": _data(loop.closest), "stretches": [_data(one) for one in loop.stretches],
        }
        for loop in found
    ]  # fmt: skip


def _data(one: Stretch) -> dict[str, Any]:
    numbers = {**asdict(one), "amplification": one.amplification, "verdict": verdict(one)}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in numbers.items()
    }


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _gain(one: Stretch) -> str:
    return "–" if math.isnan(one.gain) else f"{one.gain:.2f} ({one.low:.2f}–{one.high:.2f})"
