"""Data as CSV, short numbers, and tables of a terminal that become tables of the page."""

from __future__ import annotations

import csv
import io
import math
from urllib.parse import unquote

import numpy as np
from rich.markup import escape
from rich.table import Table

from sfmodel.report.parts import Sheet, listing, records, short


def test_a_sheet_is_read_back_as_it_was() -> None:
    sheet = Sheet(
        "x", {"name, of it": ['a "b"', "c\nd"], "value": [0.1, math.nan], "count": np.array([3, 4]), "no": [None, True]}
    )
    assert list(csv.reader(io.StringIO(sheet.csv))) == [
        ["name, of it", "value", "count", "no"], ['a "b"', "0.1", "3", ""], ["c\nd", "", "4", "True"],
    ]  # fmt: skip


def test_a_link_holds_the_data_and_nothing_that_ends_it() -> None:
    sheet = Sheet("x", {"a#b?%&": ["<script>", "ü; 100 %"]})
    assert not set(sheet.link) & set('#?<>" \n')
    assert unquote(sheet.link.partition(",")[2]) == sheet.csv


def test_short_numbers_keep_five_digits() -> None:
    for value in (1.2345678, 98765.4321, 1e-7 / 3, -12.5, 3e9 + 1):
        found = short(value)
        assert found is not None
        assert abs(found - value) <= 1e-4 * abs(value)
    assert short(math.nan) is None
    assert short(math.inf) is None
    assert (short(2.0), type(short(2.0))) == (2, int)


def test_markup_of_a_terminal_does_not_come_into_the_page() -> None:
    table = Table()
    table.add_column("[b]what[/b]")
    table.add_column("n", justify="right")
    table.add_row(escape("[red]x"), "[bold]1[/bold]")
    table.add_row("below", "2", style="dim")
    found = listing(table, "T", "S.", Sheet("x", {}))
    assert [(head.title, head.is_number) for head in found.heads] == [("what", False), ("n", True)]
    assert [(list(line.cells), line.is_below) for line in found.lines] == [
        (["[red]x", "1"], False),
        (["below", "2"], True),
    ]


def test_records_leave_out_what_is_nested() -> None:
    assert records("x", [{"a": 1, "b": [2]}, {"a": 3, "b": [4]}]).columns == {"a": [1, 3]}
    assert records("x", []).columns == {}
