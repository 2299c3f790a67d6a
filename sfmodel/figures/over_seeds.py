"""Panels of several replications: each line is the mean over them, with the interval of that mean as a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sfmodel.figures.evening import Evening, evening_of
from sfmodel.figures.panel import Panel
from sfmodel.figures.panels import Lines, lines_of
from sfmodel.results.intervals import mean_and_half

if TYPE_CHECKING:
    import xarray as xr

Shown = list[tuple[Panel, Lines]]


def evening_and_panels(ds: xr.Dataset, wanted: Sequence[Panel]) -> tuple[Evening, Shown]:
    """The evening of a run, and what each panel shows, of several replications the mean; empty ones are left out."""
    evening = evening_of(ds)
    every = ((panel, lines_of(evening, panel)) for panel in wanted)
    return evening, [(panel, mean_lines(lines)) for panel, lines in every if lines is not None]


def mean_lines(shown: Lines) -> Lines:
    """Means of the lines that have a value for each replication, with bands; the others as they are."""
    lines, bands = dict(shown.lines), dict(shown.bands)
    for name, values in shown.lines.items():
        if values.ndim == 2:
            lines[name], half = mean_and_half(values.T)
            bands[name] = (lines[name] - half, lines[name] + half)
    return replace(shown, lines=lines, bands=bands)
