"""What was measured, as a table for a terminal and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sfmodel.results.summary import format_value
from sfmodel.rows.measuring import Measured
from sfmodel.rows.rows import Row

if TYPE_CHECKING:
    from rich.table import Table

_MARKS = {True: "[green]✓[/green]", False: "[bold red]✗[/bold red]", None: "[yellow]–[/yellow]"}
_SIGNS = {"at_least": "≥", "above": ">", "at_most": "≤", "below": "<"}


def rows_table(measured: Mapping[str, Measured], title: str = "") -> Table:
    """Lay out what was measured: a line for each row, with its range and the sentence it is from."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title) or None, title_justify="left", header_style="bold")
    table.add_column("row", no_wrap=True)
    table.add_column("figure", ratio=3)
    table.add_column("period", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("range", justify="right", no_wrap=True)
    table.add_column("met", justify="center", no_wrap=True)
    table.add_column("case study", ratio=4, style="dim")
    for name, one in measured.items():
        row = one.row
        shown = written(one.value, row)
        table.add_row(
            name, escape(row.title), row.period, shown, range_of(row), _MARKS[one.met], escape(row.source)
        )  # fmt: skip
    return table


def rows_data(measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """What was measured, as JSON can hold it: a value that is not finite is null."""
    return [
        {
            "id": name,
            "title": one.row.title,
            "period": one.row.period,
            "value": one.value if one.value is not None and math.isfinite(one.value) else None,
            "unit": _unit(one.row),
            "range": one.row.bounds,
            "met": one.met,
            "source": one.row.source,
        }
        for name, one in measured.items()
    ]


def verdict(measured: Mapping[str, Measured]) -> str:
    """One sentence: how many figures are reproduced, which rows are not met, and which the run does not show.

    Rows that share what stands before the first dot are one figure.
    """
    figures: dict[str, bool] = {}
    for name, one in measured.items():
        figure = name.partition(".")[0]
        figures[figure] = figures.get(figure, True) and one.met is True
    sentence = f"{sum(figures.values())} of {len(figures)} figures are reproduced"
    for met, words in ((False, "not met"), (None, "this run does not show")):
        names = [name for name, one in measured.items() if one.met is met]
        if names:
            sentence += f"; {words}: {', '.join(names)}"
    return sentence + "."


def range_of(row: Row) -> str:
    """Write the range of a row: 120–220 ms, ≥ 75 %."""
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
