"""What each change of a sweep does, ranked, with intervals, as `sfmodel effects` has it."""

from __future__ import annotations

import math
from typing import Any

from sfmodel.errors import SfmodelError
from sfmodel.figures.style import COLOURS
from sfmodel.report.parts import Chart, Missing, Note, Part, Sheet, listing, short
from sfmodel.report.subject import SweepSubject
from sfmodel.report.words import counted, joined
from sfmodel.results.comparison_table import signed_interval
from sfmodel.results.summary import PERIODS
from sfmodel.sweeps.effects import Effects, Row, effects_of
from sfmodel.sweeps.effects_table import effects_table, said, title_of

_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x")


def section(sweep: SweepSubject) -> list[Part | Note]:
    """A chart for each figure, and a table for each part of the sweep."""
    observations, keys = sweep.observations, sweep.keys
    try:
        every = effects_of(observations, keys)
    except SfmodelError as error:
        raise Missing(f"Effects are not known: {error}.") from None
    if not any(one.rows for one in every):
        raise Missing("Effects are not known: no point is finished but the one beside which others are taken.")
    parts: list[Part | Note] = [
        chart(every, key, observations.figures[key]) for key in keys if all(key in one.level for one in every)
    ]
    for one in every:
        sheet = _sheet(one, observations.figures)
        parts.append(
            listing(
                effects_table(one, observations.figures, keys),
                title_of(one),
                _ranking(one, keys, observations.figures),
                sheet,
            )
        )
    hollow = "in parentheses, and hollow in the charts: no difference found"
    notes = f"{said(every[0])} Of the {PERIODS[observations.period]}; {hollow}."
    return [Note(notes), *parts]


def chart(every: list[Effects], key: str, figure: tuple[str, str]) -> Chart:
    """Effects on one figure, the largest of the first part at the top; hollow where it may be chance."""
    title, unit = figure
    factor, shown_unit = (100.0, "pp") if unit == "share" else (1000.0, "ms") if unit == "s" else (1.0, unit)
    first = sorted(every[0].rows, key=lambda row: (row.is_interaction, -abs(row.sizes[key].mean)))
    names = [row.title for row in first if not row.is_interaction or row.sizes[key].is_found]
    traces = []
    for number, one in enumerate(every):
        rows = [row for name in names for row in one.rows if row.title == name]
        sizes = [row.sizes[key] for row in rows]
        colour = f"c{number % len(COLOURS)}"
        symbols = [_SYMBOLS[number % len(_SYMBOLS)] + ("" if size.is_found else "-open") for size in sizes]
        trace = {
            "type": "scatter", "mode": "markers", "name": ", ".join(one.where.values()) or "effect", "orientation": "h",
            "x": [short(factor * size.mean) for size in sizes], "y": [row.title for row in rows],
            "error_x": {"array": [short(0.0 if math.isnan(size.half) else factor * size.half) for size in sizes], "color": colour,
                        "thickness": 1.4, "width": 4},
            "marker": {"color": colour, "symbol": symbols, "size": 8},
            "text": [signed_interval(size, unit) for size in sizes], "hovertemplate": "%{y}: %{text}<extra></extra>",
            "showlegend": len(every) > 1,
        }  # fmt: skip
        traces.append(trace)
    layout = {
        "xaxis": {"title": shown_unit, "zeroline": True}, "scattermode": "group",
        "yaxis": {"type": "category", "categoryorder": "array", "categoryarray": names, "autorange": "reversed", "dtick": 1,
                  "showgrid": False},
    }  # fmt: skip
    columns: dict[str, list[Any]] = {
        "where": [],
        "change": [],
        f"mean ({unit})": [],
        f"half of the interval ({unit})": [],
        "found": [],
    }
    for one in every:
        for row in one.rows:
            size = row.sizes[key]
            values = (
                title_of(one),
                row.title,
                size.mean,
                size.half,
                {True: "yes", False: "no", None: "not known"}[size.is_found],
            )
            for column, value in zip(columns.values(), values, strict=True):
                column.append(value)
    best = first[0] if first else None
    text = f"Largest is that of {best.title}, {_with_doubt(best, key, unit)}." if best else "There is nothing to rank."
    return Chart(
        f"Effect on: {title}", text, Sheet(f"effects_on_{key}", columns), traces, layout, 110 + 26 * max(1, len(names))
    )


def _with_doubt(row: Row, key: str, unit: str) -> str:
    size = row.sizes[key]
    return signed_interval(size, unit) + ("" if size.is_found else ", which may be chance")


def _ranking(one: Effects, keys: list[str], figures: Any) -> str:
    shown = [key for key in keys if key in one.level]
    if not shown or not one.rows:
        return "Nothing of this part is known yet."
    key, (title, unit) = shown[0], figures[shown[0]]
    rows = sorted((row for row in one.rows if not row.is_interaction), key=lambda row: -abs(row.sizes[key].mean))
    found = [row for row in rows if row.sizes[key].is_found]
    of = counted(len(rows), "change")
    if not found:
        return f"By their effect on '{title}' none of {of} differs by more than chance."
    first = joined([f"{row.title} ({signed_interval(row.sizes[key], unit)})" for row in found[:3]])
    return f"By their effect on '{title}': {first}; {len(found)} of {of} differ by more than chance."


def _sheet(one: Effects, figures: Any) -> Sheet:
    columns: dict[str, list[Any]] = {
        "change": [row.title for row in one.rows],
        "interaction": [row.is_interaction for row in one.rows],
    }
    for key in one.level:
        for what in ("mean", "half"):
            columns[f"{key}, {what} ({figures[key][1]})"] = [getattr(row.sizes[key], what) for row in one.rows]
    where = "_".join(one.where.values())
    return Sheet(f"effects{'_' if where else ''}{where}".replace("/", "-"), columns)
