"""How rows and what was measured are written."""

from __future__ import annotations

import json
import math

import pytest
from rich.console import Console

from sfmodel.rows import Measured, Row
from sfmodel.rows.table import range_of, rows_data, rows_table, verdict, written


def row(**keys) -> Row:
    return Row.model_validate({"id": "R", "title": "a figure", "measure": "cost", **keys})


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"unit": "s", "at_least": "120 ms", "at_most": "220 ms"}, "120–220 ms"),
        ({"unit": "s", "at_least": "0.8 s", "at_most": "2 s"}, "800 ms – 2 s"),
        ({"unit": "share", "at_least": "75 %"}, "≥ 75 %"),
        ({"unit": "share", "above": 0, "below": "1 %"}, "> 0 %, < 1 %"),
        ({"at_least": 500, "at_most": 1000}, "500 – 1,000"),
        ({"relative_to": "whole", "at_least": 2, "unit": "s"}, "≥ 2 ×"),
    ],
)
def test_ranges(keys, expected):
    assert range_of(row(**keys)) == expected


def test_values():
    assert written(0.0616, row(unit="s", at_least="1 ms")) == "61.6 ms"
    assert written(math.inf, row(at_least=1)) == "∞"
    assert written(None, row(at_least=1, relative_to="whole")) == "–"


MEASURED = {
    "N1": Measured(row(unit="s", at_least="1 ms", source="As it [says]"), 0.002, True),
    "P1.a": Measured(row(at_least=1), math.inf, True),
    "P1.b": Measured(row(at_least=1), 0.5, False),
    "P2": Measured(row(at_least=1), None, None, "without the paired run"),
}


def test_the_verdict_counts_figures_and_names_rows():
    assert verdict(MEASURED).splitlines() == [
        "1 of the 2 figures that this run shows are reproduced; not met: P1.b.",
        "1 cannot be measured, without the paired run: P2.",
    ]
    assert verdict({"N1": MEASURED["N1"]}) == "1 of 1 figures are reproduced."
    assert verdict({"P2": MEASURED["P2"]}) == "1 cannot be measured, without the paired run: P2."


def test_what_is_reported_has_a_value_and_no_verdict():
    found = {"P1.c": Measured(row(reported=True), 0.1, None), **MEASURED}
    assert verdict(found) == verdict(MEASURED)
    assert verdict({"P1.c": found["P1.c"]}) == "No row has a range, so nothing is judged."
    console = Console(width=160)
    with console.capture() as capture:
        console.print(rows_table(found))
    assert next(line.split()[-2:] for line in capture.get().splitlines() if "P1.c" in line) == ["0.1", "reported"]
    data = rows_data(found)[0]
    assert (data["value"], data["range"], data["met"], data["lacks"]) == (0.1, {}, None, None)


def test_figures_that_cannot_be_measured_are_counted_by_what_they_lack():
    def lacking(*names):
        return {name: Measured(row(at_least=1), None, None, names[-1]) for name in names[:-1]}

    found = {**lacking("A.1", "A.2", "B", "no peak"), **lacking("C", "no trace"), "A.3": MEASURED["N1"]}
    assert verdict(found).splitlines() == ["2 cannot be measured, no peak: A, B.", "1 cannot be measured, no trace: C."]
    assert verdict({**lacking("P1.c", "no peak"), **MEASURED}).startswith("1 of the 2 figures that this run shows")


def test_what_is_not_known_of_a_figure_that_is_not_met_is_said():
    found = {
        "A.1": Measured(row(at_least=1), 0.0, False),
        "A.2": Measured(row(id="A.2", at_least=1), None, None, "no peak"),
    }
    assert verdict(found).splitlines() == [
        "0 of 1 figures are reproduced; not met: A.1.",
        "Of what is not met, A.2 cannot be measured, no peak.",
    ]


def test_the_table_has_a_line_for_each_row_and_takes_texts_as_they_are():
    console = Console(width=160)
    with console.capture() as capture:
        console.print(rows_table(MEASURED, "[red]run", console.width))
    text = capture.get()
    assert all(name in text for name in (*MEASURED, "As it [says]", "[red]run"))
    assert [text.count(mark) for mark in "✓✗"] == [2, 1]


LONG = {
    "P18.N6.validate": Measured(
        row(title="Recommendation response time, mean, over hits and misses", period="whole", source="It [says] so",
            unit="s", at_least="37.5 ms", at_most="62.5 ms"),
        0.0416, True,
    ),
    "P16": Measured(row(at_least=12345, at_most=123456), 1234567.0, False),
}  # fmt: skip


def test_the_table_fits_a_terminal_of_80_columns():
    console = Console(width=80)
    with console.capture() as capture:
        console.print(rows_table(LONG, "A long title, " * 10, console.width))
    text = capture.get()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert all(number in text for number in ("41.6 ms", "37.5–62.5 ms", "1,234,567", "12,345 – 123,456"))
    assert "P18.N6.validate" in text


def test_the_data_are_json():
    found = json.loads(json.dumps(rows_data(MEASURED), allow_nan=False))
    assert [(one["id"], one["value"], one["met"]) for one in found] == [
        ("N1", 0.002, True), ("P1.a", "inf", True), ("P1.b", 0.5, False), ("P2", None, None),
    ]  # fmt: skip
    assert found[0]["range"] == {"at_least": 0.001}
    assert found[0]["unit"] == "s"
