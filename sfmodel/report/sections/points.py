"""The points of a sweep, with what each is judged by: means over its seeds, with their intervals."""

from __future__ import annotations

from typing import Any

from sfmodel.report.parts import Head, Line, Listing, Note, Part, Sheet
from sfmodel.report.subject import SweepSubject
from sfmodel.report.words import counted
from sfmodel.results.intervals import LEVEL
from sfmodel.results.summary import PERIODS, format_interval, format_value
from sfmodel.sweeps.effects import short_keys

_MANY = 40
"""Points of a table that is shown at once."""


def section(sweep: SweepSubject) -> list[Part | Note]:
    """The table; its data has every run."""
    figures, keys = sweep.observations.figures, sweep.keys
    labels = list(sweep.points[0].values) if sweep.points else []
    heads = [*(Head(label) for label in short_keys(labels) or ["point"]), Head("seeds", True)]
    heads += [Head(figures[key][0], True) for key in keys]
    lines = []
    for point in sweep.points:
        cells = []
        for key in keys:
            known, unit = point.figures.get(key), figures[key][1]
            if known is None:
                cells.append("not finished" if not point.seeds else "–")
            elif known.ends is None:
                cells.append(format_value(known.mean, unit))
            else:
                cells.append(format_interval(known.mean, known.half, unit))
        lines.append(Line([*(point.values.values() or ["all"]), str(len(point.seeds)), *cells]))
    return [Listing("Every point", _says(sweep), _sheet(sweep), heads, lines, len(lines) > _MANY)]


def _says(sweep: SweepSubject) -> str:
    every = sweep.observations.every
    there = sum(bool(point.seeds) for point in sweep.points)
    seeds = sorted({one.seed for one in every})
    several = len(seeds) > 1
    how = (
        f"means over seeds, ± half of their {LEVEL:.0%} intervals"
        if several
        else "of one seed, so that nothing is known of chance"
    )
    said = (
        f"{counted(there, 'point')} of {len(sweep.points)} with {counted(len(every), 'finished run')}; figures of the "
    )
    text = said + f"{PERIODS[sweep.observations.period]}, {how}"
    if not sweep.keys:
        return f"{text}."
    key = sweep.keys[0]
    known = [(point.figures[key].mean, point.title) for point in sweep.points if key in point.figures]
    title, unit = sweep.observations.figures[key]
    if len(known) < 2:
        return f"{text}."
    (low, worst), (high, best) = min(known), max(known)
    return f"{text}. {title} goes from {format_value(low, unit)} ({worst}) to {format_value(high, unit)} ({best})."


def _sheet(sweep: SweepSubject) -> Sheet:
    every, figures = sweep.observations.every, sweep.observations.figures
    columns: dict[str, list[Any]] = {
        label: [one.values[label] for one in every] for label in (every[0].values if every else ())
    }
    columns["seed"] = [one.seed for one in every]
    for key in figures:
        columns[f"{key} ({figures[key][1]})"] = [one.figures[key] for one in every]
    return Sheet("runs", columns)
