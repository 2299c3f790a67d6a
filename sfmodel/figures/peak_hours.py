"""The evening on one page, to hang on a wall: what came in, what it did to users, and where it hurt; peak hours shaded.

What the case study says of a line is drawn beside it, in its colour, over the hours for which it is said: a hatched
range, or the edge of one with arrows to where the line should be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sfmodel.figures.evening import Evening, platform_panels, title_of
from sfmodel.figures.over_seeds import evening_and_panels
from sfmodel.figures.panel import Panel
from sfmodel.figures.panels import PANELS, Claim, Lines
from sfmodel.figures.style import (
    BLACK,
    GREY,
    clock_axis,
    day_clock,
    legend,
    line_style,
    logarithmic,
    new_figure,
    short,
    tidy,
)  # fmt: skip
from sfmodel.results.intervals import LEVEL
from sfmodel.results.replications import is_replicated, seeds_of, written_seeds
from sfmodel.results.summary import hours_of

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PEAK = "#F3ECDD"
_ROW_IN = 1.78
_HEADROOM = 1.2
"""Factor above the highest line of a logarithmic axis, so that none runs along its edge."""


def peak_hours(ds: xr.Dataset, panels: Sequence[Panel] | None = None) -> Figure:
    """Draw the evening.

    Parameters
    ----------
    ds
        Dataset of a run.
    panels
        Panels in order; none: those of the platform's file, else the generic ones.
    """
    evening, shown = evening_and_panels(ds, panels if panels is not None else platform_panels(ds))
    rows = max(1, -(-len(shown) // 2))
    height_in = 1.05 + _ROW_IN * rows
    figure = new_figure(8.27, height_in, title_of(ds), _small_print(ds, evening, [lines for _, lines in shown]))
    grid = figure.add_gridspec(
        rows, 2, left=0.075, right=0.965, top=1 - 1.05 / height_in, bottom=0.3 / height_in, hspace=0.8, wspace=0.2
    )
    for k, (panel, lines) in enumerate(shown):
        _draw_panel(figure.add_subplot(grid[k // 2, k % 2]), evening, panel, lines)
    return figure


def _draw_panel(axes: Axes, evening: Evening, panel: Panel, shown: Lines) -> None:
    for start_s, end_s in evening.peaks:
        axes.axvspan(start_s, end_s, color=_PEAK, linewidth=0, zorder=0)
    for start_s, end_s in evening.triggers:
        axes.axvspan(start_s, end_s, facecolor=GREY, alpha=0.2, linewidth=0, zorder=0.5)
        axes.axvline(start_s, color=GREY, linewidth=0.8, zorder=0.6)
    styles = {name: line_style(number, len(evening.time_s)) for number, name in enumerate(shown.lines)}
    for claim in shown.claims:
        _draw_claim(axes, claim, styles[claim.line])
    for name, values in shown.lines.items():
        drawn = np.where(values > 0, values, np.nan) if shown.logarithmic else values
        axes.plot(evening.time_s, drawn, label=name, **styles[name])
    for name, (low, high) in shown.bands.items():
        low = np.where(low > 0, low, np.nan) if shown.logarithmic else low
        axes.fill_between(evening.time_s, low, high, color=styles[name]["color"], alpha=0.25, linewidth=0)
    for name, level in shown.levels.items():
        axes.axhline(level, color=BLACK, linewidth=1.0, linestyle=(0, (2, 2)), label=name)
    _scale(axes, panel, shown)
    tidy(axes, panel.title or PANELS[panel.panel][1], shown.unit)
    clock_axis(axes, evening.start_s, evening.end_s)
    legend(axes)


def _scale(axes: Axes, panel: Panel, shown: Lines) -> None:
    positive = any((values > 0).any() for values in shown.lines.values())
    if shown.logarithmic and positive:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.set_ylim(panel.lowest or low, _HEADROOM * high)
        logarithmic(axes.yaxis)
        return
    edges = [end for claim in shown.claims for end in (claim.low, claim.high) if end is not None and np.isfinite(end)]
    drawn = [np.nanmax(values, initial=0.0) for values in shown.lines.values()]
    top = max(shown.highest or 0.0, 1.06 * max([*drawn, *shown.levels.values()]), 1.1 * max(edges, default=0.0))
    axes.set_ylim(panel.lowest or 0, top if top > 0 else 1)
    short(axes.yaxis)


def _draw_claim(axes: Axes, claim: Claim, style: Mapping[str, Any]) -> None:
    """A hatched range; or, where one end is open, the other with arrows that point to where the line should be."""
    from matplotlib.markers import CARETDOWNBASE, CARETUPBASE

    ends = [end for end in (claim.low, claim.high) if end is not None and np.isfinite(end)]
    hours_s = [claim.start_s, claim.end_s]
    thin = {"color": style["color"], "linestyle": style["linestyle"], "linewidth": 0.8, "zorder": 1.6}
    for end in ends:
        axes.plot(hours_s, [end, end], **thin)
    if len(ends) == 2:
        faint = {"facecolor": "none", "edgecolor": style["color"], "linewidth": 0, "alpha": 0.4, "zorder": 1.5}
        axes.fill_between(hours_s, ends[0], ends[1], hatch="///", **faint)
    elif ends:
        arrows_s = claim.start_s + (claim.end_s - claim.start_s) * np.array([0.15, 0.5, 0.85])
        arrow = CARETDOWNBASE if claim.low is None else CARETUPBASE
        axes.plot(arrows_s, np.full(3, ends[0]), linestyle="none", marker=arrow, markersize=5, color=style["color"])


def _small_print(ds: xr.Dataset, evening: Evening, shown: Sequence[Lines]) -> str:
    width_s = float(evening.windows["width"].values.max())
    width = f"{width_s / 60:g} min" if width_s >= 60 else f"{width_s:g} s"
    parts = [f"{day_clock(evening.start_s)}–{day_clock(evening.end_s)}, each point {width}"]
    hours = hours_of(evening.ds, "peak")
    if hours is not None and evening.peaks:
        parts.append(f"peak hours {day_clock(hours[0])}–{day_clock(hours[1])} shaded")
    if evening.triggers:
        parts.append("grey: events and timed arrivals")
    if any(lines.claims for lines in shown):
        parts.append("hatched, and arrows: what the case study says")
    if is_replicated(ds):
        parts.append(f"mean of seeds {written_seeds(seeds_of(ds))}, its {LEVEL:.0%} interval as a band")
    facts = ("version",) if is_replicated(ds) else ("seed", "version")
    parts += [f"{name} {ds.attrs[name]}" for name in facts if name in ds.attrs]
    return " · ".join(parts)
