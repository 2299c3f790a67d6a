"""The same panels in a terminal, one below the other, drawn with plotext.

Each line has a sign of its own, so that colours are not needed; vertical lines are the beginning and end of the peak hours
and of triggers, dotted horizontal ones the ranges of the case study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.figures.evening import Evening, platform_panels, title_of
from sfmodel.figures.over_seeds import evening_and_panels
from sfmodel.figures.panel import Panel
from sfmodel.figures.panels import PANELS, Lines
from sfmodel.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    day_clock,
    hour_ticks,
    short_number,
)
from sfmodel.results.replications import is_replicated, seeds_of, written_seeds

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]

WIDTH, HEIGHT = 100, 16

_SIGNS = ("braille", "o", "x", "+", "*", "#")
_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
_CLAIM, _LEVEL, _PEAK, _TRIGGER = "·", "-", ":", "!"
_MEANS = {_PEAK: "peak hours", _TRIGGER: "trigger"}
_TICKS = 5


def terminal_panels(
    ds: xr.Dataset,
    width: int = WIDTH,
    height: int = HEIGHT,
    *,
    colour: bool = True,
    panels: Sequence[Panel] | None = None,
) -> Iterator[str]:
    """Draw the evening as text, a panel at a time.

    Parameters
    ----------
    ds
        Dataset of a run.
    width, height
        Size of a panel, in characters.
    colour
        Whether the lines have colours.
    panels
        Panels in order; none: those of the platform's file, else the generic ones.
    """
    evening, shown = evening_and_panels(ds, panels if panels is not None else platform_panels(ds))
    seeds = f", mean of seeds {written_seeds(seeds_of(ds))}" if is_replicated(ds) else ""
    yield f"{title_of(ds)}, {day_clock(evening.start_s)} to {day_clock(evening.end_s)}{seeds}"
    for panel, lines in shown:
        yield _drawn(evening, panel, lines, width, height, colour)


def _drawn(evening: Evening, panel: Panel, shown: Lines, width: int, height: int, colour: bool) -> str:
    import plotext

    log = shown.logarithmic and any((values > 0).any() for values in shown.lines.values())
    low, high = _limits(panel, shown, log)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, height)
    plotext.title(f"{panel.title or PANELS[panel.panel][1]}, {shown.unit}{', logarithmic' if log else ''}")
    edges = [(edge_s, _PEAK) for peak in evening.peaks for edge_s in peak]
    edges += [(edge_s, _TRIGGER) for edge_s in dict.fromkeys(edge_s for span in evening.triggers for edge_s in span)]
    for edge_s, sign in edges:
        plotext.plot([edge_s, edge_s], _on_axis(np.array([low, high]), log).tolist(), marker=sign, color=_rgb(GREY))
    for time_s, values, sign, ink in _strokes(evening, shown, width):
        heights = _on_axis(np.where((values >= low) & (values <= high), values, np.nan), log)
        for part in np.ma.clump_unmasked(np.ma.masked_invalid(heights)):
            plotext.plot(time_s[part].tolist(), heights[part].tolist(), marker=sign, color=_rgb(ink))
    _ticks(evening, low, high, log)
    text = plotext.build()
    signs = {sign: _MEANS[sign] for _, sign in edges}
    return f"{text if colour else plotext.uncolorize(text)}\n{_legend(shown, signs, colour, width)}"


def _strokes(evening: Evening, shown: Lines, width: int) -> Iterator[tuple[Series, Series, str, str]]:
    """Time (s), values, sign and colour of everything that is drawn, what is on top last."""
    inks = dict(zip(shown.lines, cycle(_COLOURS), strict=False))
    for claim in shown.claims:
        for end in (claim.low, claim.high):
            if end is not None:
                yield np.linspace(claim.start_s, claim.end_s, width), np.full(width, end), _CLAIM, inks[claim.line]
    for level in shown.levels.values():
        yield np.linspace(evening.start_s, evening.end_s, width), np.full(width, level), _LEVEL, GREY
    for (name, values), sign in zip(shown.lines.items(), cycle(_SIGNS), strict=False):
        yield evening.time_s, values, sign, inks[name]


def _limits(panel: Panel, shown: Lines, log: bool) -> tuple[float, float]:
    """Bottom and top of the axis."""
    edges = [end for claim in shown.claims for end in (claim.low, claim.high) if end is not None]
    found = np.concatenate([*shown.lines.values(), np.array([*edges, *shown.levels.values()], float)])
    found = found[np.isfinite(found) & ((found > 0) | (not log))]
    high = float(found.max(initial=0.0)) or 1.0
    if log:
        return panel.lowest or float(found.min()), high
    return panel.lowest or 0.0, max(high, shown.highest or 0.0)


def _ticks(evening: Evening, low: float, high: float, log: bool) -> None:
    import plotext

    hours_s = hour_ticks(evening.start_s, evening.end_s)
    seconds = any(hour_s % 60 for hour_s in hours_s)
    plotext.xticks(hours_s, [day_clock(hour_s, seconds) for hour_s in hours_s])
    plotext.xlim(evening.start_s, evening.end_s)
    bottom, top = _on_axis(np.array([low, high]), log)
    heights = np.linspace(bottom, top, _TICKS)
    values = 10**heights if log else heights
    plotext.yticks(heights.tolist(), [short_number(float(f"{value:.2g}"), value if log else high) for value in values])
    plotext.ylim(float(bottom), float(top))


def _on_axis(values: Series, log: bool) -> Series:
    return np.log10(values) if log else values


def _legend(shown: Lines, edges: Mapping[str, str], colour: bool, width: int) -> str:
    """What each sign means, in as many lines as that needs."""
    import plotext

    signs = zip(shown.lines, cycle(_SIGNS), cycle(_COLOURS), strict=False)
    entries = [("⢕" if sign == "braille" else sign, name, ink) for name, sign, ink in signs]
    entries += [(_LEVEL, name, GREY) for name in shown.levels]
    entries += [(_CLAIM, "case study", GREY)] if shown.claims else []
    entries += [(sign, name, GREY) for sign, name in edges.items()]
    lines, used = [""], 0
    for sign, name, ink in entries:
        length = 3 + len(f"{sign} {name}")
        if used and used + length > width:
            lines, used = [*lines, ""], 0
        lines[-1] += f"   {plotext.colorize(sign, _rgb(ink)) if colour else sign} {name}"
        used += length
    return "\n".join(lines)


def _rgb(colour: str) -> tuple[int, int, int]:
    """Red, green, blue of #RRGGBB."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
