"""Panels of several replications: each line is the mean over them, with the interval of that mean as a band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.figures.evening import Evening, evening_of
from sfmodel.figures.panel import Panel
from sfmodel.figures.panels import Band, Lines, lines_of
from sfmodel.results.intervals import LEVEL, student_quantile
from sfmodel.results.replications import replications

if TYPE_CHECKING:
    import xarray as xr

Shown = list[tuple[Panel, Lines]]


def evening_and_panels(ds: xr.Dataset, wanted: Sequence[Panel]) -> tuple[Evening, Shown]:
    """The evening of a run, of several replications that of the first, and what each panel shows; empty ones are left out."""
    evenings = [evening_of(one) for one in replications(ds).values()]
    shown = []
    for panel in wanted:
        every = [lines for evening in evenings if (lines := lines_of(evening, panel)) is not None]
        if every:
            shown.append((panel, mean_lines(every)))
    return evenings[0], shown


def mean_lines(every: Sequence[Lines]) -> Lines:
    """Mean of the lines that all have, with bands; of one alone, itself."""
    first = every[0]
    if len(every) == 1:
        return first
    common = [name for name in first.lines if all(name in one.lines for one in every)]
    if not common:
        return first
    values = {name: np.stack([one.lines[name] for one in every]) for name in common}
    claims = tuple(claim for claim in first.claims if claim.line in values)
    lines = {name: found.mean(axis=0) for name, found in values.items()}
    bands = {name: mean_band(found) for name, found in values.items()}
    return replace(first, lines=lines, bands=bands, claims=claims)


def mean_band(values: NDArray[np.float64]) -> Band:
    """Lower and upper end of the interval of the mean; values[n, t] of n replications; NaN where one has none."""
    n = len(values)
    half = student_quantile((1 + LEVEL) / 2, n - 1) * values.std(axis=0, ddof=1) / math.sqrt(n)
    mean = values.mean(axis=0)
    return mean - half, mean + half
