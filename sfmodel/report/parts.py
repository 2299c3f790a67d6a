"""What a section is made of: charts, tables and the graph that plays; each with one sentence, and its data as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

if TYPE_CHECKING:
    from rich.table import Table

_PLAIN = ",;:./()*'!@+ -_~$="
"""Characters that stand for themselves in a link."""


@dataclass(frozen=True)
class Sheet:
    """The data of a part."""

    name: str
    """Name of the file, without .csv."""
    columns: Mapping[str, Sequence[Any]]
    """Values by what stands above them; all equally many. What is not known is left empty."""

    @property
    def csv(self) -> str:
        """The data as CSV."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(_written, self.columns))
        writer.writerows(zip(*(map(_written, column) for column in self.columns.values()), strict=True))
        return text.getvalue()

    @property
    def link(self) -> str:
        """A link that holds the data, for which nothing is fetched."""
        return "data:text/csv;charset=utf-8," + quote(self.csv, safe=_PLAIN).replace(" ", "%20")


@dataclass(frozen=True)
class Part:
    """Anything with a title, a sentence and data."""

    title: str
    says: str
    """What it shows, computed from the data; one sentence or a few."""
    sheet: Sheet


@dataclass(frozen=True)
class Chart(Part):
    """A figure of plotly.js."""

    traces: Sequence[Mapping[str, Any]]
    """Colours are named c0, c1, …: the page knows them for light and for dark."""
    layout: Mapping[str, Any]
    height: int = 240
    """Pixels."""
    time_s: Sequence[float] | None = None
    """Beginning of each window, s since midnight of day 1, of traces without x; none: no traces are over time."""
    is_timed: bool = False
    """Whether its horizontal axis is the time of the run, which all such charts share."""
    kind: str = "chart"

    @property
    def spec(self) -> dict[str, Any]:
        """What the page draws."""
        return {
            "traces": list(self.traces),
            "layout": dict(self.layout),
            "time_s": None if self.time_s is None else [*map(short, self.time_s)],
            "timed": self.is_timed,
        }


@dataclass(frozen=True)
class Head:
    """What stands above a column."""

    title: str
    is_number: bool = False


@dataclass(frozen=True)
class Line:
    """A row of a table."""

    cells: Sequence[str]
    is_below: bool = False
    """Whether it belongs to the row above it."""


@dataclass(frozen=True)
class Listing(Part):
    """A table."""

    heads: Sequence[Head]
    lines: Sequence[Line]
    is_folded: bool = False
    """Whether it is shown only when it is asked for."""
    is_narrow: bool = False
    """Whether another part fits beside it."""
    kind: str = "listing"


@dataclass(frozen=True)
class Playing(Part):
    """The graph of the services, playing along the run."""

    svg: str
    """Its nodes and edges, in the way in which they lie."""
    frames: Mapping[str, Any]
    """What they show in each window."""
    sheets: Sequence[Sheet]
    """Further data: that of the edges."""
    kind: str = "playing"


@dataclass(frozen=True)
class Note:
    """A sentence of its own, such as of something that is missing."""

    says: str
    kind: str = "note"


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading."""

    name: str
    title: str
    parts: Sequence[Part | Note]
    missing: str = ""
    """Why there is nothing to show; empty: there is."""


class Missing(Exception):
    """A section has nothing to show; the message is a sentence that says why."""


def listing(
    table: Table, title: str, says: str, sheet: Sheet, is_folded: bool = False, is_narrow: bool = False
) -> Listing:
    """The table of a terminal as one of the page."""
    from rich.text import Text

    def plain(cell: Any) -> str:
        return Text.from_markup(str(cell)).plain

    heads = [Head(plain(column.header), column.justify == "right") for column in table.columns]
    cells = zip(*(map(plain, column.cells) for column in table.columns), strict=True)
    lines = [Line(list(row), own.style == "dim") for row, own in zip(cells, table.rows, strict=True)]
    return Listing(title, says, sheet, heads, lines, is_folded, is_narrow)


def records(name: str, every: Sequence[Any]) -> Sheet:
    """Data of dataclasses or mappings, a row for each; what is nested is left out."""
    rows = [dict(one) if isinstance(one, Mapping) else asdict(one) for one in every]
    keys = [key for key in (rows[0] if rows else {}) if not isinstance(rows[0][key], list | tuple | dict)]
    return Sheet(name, {key: [row[key] for row in rows] for key in keys})


def short(value: float | None) -> float | int | None:
    """A number to five digits, as charts hold it; none: not known."""
    if value is None or not math.isfinite(value):
        return None
    rounded = float(f"{value:.5g}") if abs(value) < 1e4 else round(float(value), 1)
    return int(rounded) if rounded == int(rounded) else rounded


def _written(value: Any) -> Any:
    """A cell: text that a spreadsheet would take for a formula is told to be text."""
    if value is None or isinstance(value, bool):
        return "" if value is None else value
    if isinstance(value, str):
        return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    if isinstance(value, int | np.integer):
        return int(value)
    return "" if not math.isfinite(value) else f"{value:.10g}"
