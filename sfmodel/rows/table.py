"""What was measured, as a table for a terminal and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sfmodel.results.summary import format_value
from sfmodel.rows.measuring import Measured
from sfmodel.rows.rows import Row

if TYPE_CHECKING:
    from rich.table import Table

MARKS = {True: "[green]✓[/green]", False: "[bold red]✗[/bold red]", None: " "}
"""Signs of a row that is met, is not, or is not shown."""

WIDE = 110
"""Columns from which on a table has room for the sentence that a row is from."""

_FEW = 3

_SIGNS = {"at_least": "≥", "above": ">", "at_most": "≤", "below": "<"}


def rows_table(measured: Mapping[str, Measured], title: str = "", width: int = WIDE) -> Table:
    """Lay out what was measured: a line for each row, with its range and, where it is wide, the sentence it is from."""
    from rich.markup import escape

    table = plain_table(title)
    table.add_column("")
    table.add_column("row", overflow="fold")
    table.add_column("figure", ratio=3, overflow="fold")
    table.add_column("period", overflow="fold")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("range", justify="right", no_wrap=True)
    if width >= WIDE:
        table.add_column("case study", ratio=4, style="dim")
    for name, one in measured.items():
        row = one.row
        source = [escape(row.source)] if width >= WIDE else []
        value = written(one.value, row) if one.applies else "n/a"
        cells = (name, escape(row.title), row.period, value, range_of(row))
        table.add_row(MARKS[one.met], *cells, *source)
    return table


def plain_table(title: str) -> Table:
    """An empty table that wastes no column on lines."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    return Table(
        title=escape(title) or None, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0),
        show_edge=False,
    )  # fmt: skip


def rows_data(measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """What was measured, as JSON can hold it: infinite is "inf" or "-inf", what a run does not show null."""
    return [row_data(name, one) for name, one in measured.items()]


def row_data(name: str, one: Measured) -> dict[str, Any]:
    """One row of `rows_data`."""
    return {
        "id": name,
        "title": one.row.title,
        "period": one.row.period,
        "value": str(one.value) if one.value is not None and math.isinf(one.value) else one.value,
        "unit": _unit(one.row),
        "range": one.row.bounds,
        "met": one.met,
        "lacks": one.lacks,
        "applies": one.applies,
        "source": one.row.source,
    }


def judged(measured: Mapping[str, Measured]) -> dict[str, Measured]:
    """The rows that have a range."""
    return {name: one for name, one in measured.items() if not one.row.reported}


def verdict(measured: Mapping[str, Measured]) -> str:
    """Say how many figures are reproduced, which rows are not met, and which figures cannot be measured and why.

    Rows that share what stands before the first dot are one figure: not met if one of them is not, else not measured if
    one of them is not. Rows that are reported only are left out.
    """
    measured = judged(measured)
    figures: dict[str, list[Measured]] = {}
    for name, one in measured.items():
        figures.setdefault(name.partition(".")[0], []).append(one)
    lacking: dict[str, list[str]] = {}
    for figure, rows in figures.items():
        reasons = [_reason(one) for one in rows if one.lacks]
        if reasons and not any(one.met is False for one in rows):
            lacking.setdefault(reasons[0], []).append(figure)
    known = len(figures) - sum(map(len, lacking.values()))
    reproduced = sum(all(one.met for one in rows) for rows in figures.values())
    beside: dict[str, list[str]] = {}
    for rows in figures.values():
        for one in rows:
            if one.lacks and one.met is None and any(other.met is False for other in rows):
                beside.setdefault(_reason(one), []).append(one.row.id)
    missed = ", ".join(_missed(name, one) for name, one in measured.items() if one.met is False)
    of = f"{known} figures" if not lacking else f"the {known} figures that this run shows"
    lines = [f"{reproduced} of {of} are reproduced{'; not met: ' + missed if missed else ''}."] if known else []
    lines += [f"{len(found)} {reason}: {', '.join(found)}." for reason, found in lacking.items()]
    lines += [f"Of what is not met, {', '.join(names)} {reason}." for reason, names in beside.items()]
    if not figures:
        lines = ["No row has a range, so nothing is judged."]
    absent = [str(one.lacks) for one in measured.values() if not one.applies]
    return "\n".join([*lines, *_some(absent)])


def _missed(name: str, one: Measured) -> str:
    return f"{name} ({one.lacks})" if one.lacks else name


def _reason(one: Measured) -> str:
    return f"cannot be measured, {one.lacks}" if one.applies else "do not apply to this run"


def _some(absent: Sequence[str]) -> list[str]:
    """What rows name that the run does not have: one thing with its nearest name, or the first few."""
    distinct = list(dict.fromkeys(absent))
    if len(distinct) <= 1:
        return [f"It lacks what they name: {one}" for one in distinct]
    shown = ", ".join(one.partition(";")[0] for one in distinct[:_FEW])
    more = f" and {len(distinct) - _FEW} more" if len(distinct) > _FEW else ""
    return [f"It lacks what they name: {shown}{more}."]


def range_of(row: Row) -> str:
    """Write the range of a row: 120–220 ms, ≥ 75 %; reported where it has none."""
    if row.reported:
        return "reported"
    ends = list(row.bounds.items())
    if [key for key, _ in ends] == ["at_least", "at_most"]:
        low, high = (written(end, row) for _, end in ends)
        number, _, unit = low.partition(" ")
        return f"{number}–{high}" if unit and high.endswith(f" {unit}") else f"{low} – {high}"
    return ", ".join(f"{_SIGNS[key]} {written(end, row)}" for key, end in ends)


def written(value: float | None, row: Row) -> str:
    """Write a value of a row with its unit."""
    if value is not None and math.isinf(value):
        return "∞"
    return format_value(value, _unit(row)).replace(".0 %", " %") + (
        " ×" if row.relative_to and value is not None else ""
    )


def _unit(row: Row) -> str:
    return "1" if row.relative_to else row.unit
