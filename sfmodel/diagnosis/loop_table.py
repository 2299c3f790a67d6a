"""Loops as a table for a terminal, and as data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfmodel.clock import clock
from sfmodel.diagnosis.loops import Loop, Segment
from sfmodel.results.summary import WIDE
from sfmodel.rows.table import plain_table

if TYPE_CHECKING:
    from rich.table import Table


def loops_table(found: Sequence[Loop], title: str = "", width: int = WIDE) -> Table:
    """Lay out loops, a line for each: the segment that tells most of it; in a narrow table the interval is below the gain."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("", no_wrap=True)
    table.add_column("loop", overflow="fold")
    table.add_column("from", no_wrap=True)
    for name in ("failed", "made\nagain", "per\nfailure", "of all\ntries"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("gain", justify="right", no_wrap=True)
    table.add_column("")
    between = " " if width >= WIDE else "\n"
    for loop in found:
        one = loop.closest
        table.add_row(
            loop.kind, escape(loop.name), clock(one.begins_s), f"{one.failed:,}", f"{one.made_again:,}",
            _number(one.again_per_failure), _number(one.again), _gain(one, between), one.verdict,
        )  # fmt: skip
    return table


def loops_data(found: Sequence[Loop]) -> list[dict[str, Any]]:
    """Loops as JSON holds them: what is not known is null."""
    return [
        {
            "kind": loop.kind, "name": loop.name, "most_again": loop.most_again, "most_again_s": loop.most_again_s,
            "closest": _data(loop.closest), "segments": [_data(one) for one in loop.segments],
        }
        for loop in found
    ]  # fmt: skip


def _data(one: Segment) -> dict[str, Any]:
    numbers = {**asdict(one), "amplification": one.amplification, "verdict": one.verdict}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in numbers.items()
    }


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _gain(one: Segment, between: str) -> str:
    return "–" if math.isnan(one.gain) else f"{one.gain:.2f}{between}({one.low:.2f}–{one.high:.2f})"
