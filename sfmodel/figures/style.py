"""How figures look: Okabe–Ito colours, and a line style and a marker for each, so that print in grey can be read too.

Colours after Okabe and Ito, Color Universal Design (2008). Yellow is left out: it does not show on paper.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sfmodel.clock import clock
from sfmodel.results.measures import DAY_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
GREY = "#6B6B6B"

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 2)), "-")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

DOTS_PER_INCH = 150
SMALL, NORMAL, LARGE = 7.5, 8.5, 13
_TITLE = 66
"""Characters of a title that fit into the width of a page; a longer one is smaller."""
_SMALL_PRINT = 16
"""Characters of small print that fit into an inch."""

_MARKED = 9
_LEGEND_ROWS = 2


def line_style(number: int, points: int) -> dict[str, Any]:
    """Colour, dashes and sparse markers of the line of this number, with so many points."""
    k = number % len(COLOURS)
    every = max(1, points // _MARKED)
    return {
        "color": COLOURS[k],
        "linestyle": DASHES[k],
        "marker": MARKERS[k],
        "markevery": ((number * every) // len(COLOURS), every),
        "markersize": 3.2,
        "linewidth": 1.3,
    }


def new_figure(width_in: float, height_in: float, title: str, below: str = "") -> Figure:
    """Make a figure of this size with a title, and a line of small print under it."""
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    rcParams["svg.hashsalt"] = "sfmodel"  # the same data draws the same file
    rcParams["font.family"] = "DejaVu Sans"  # which comes with matplotlib: the page looks the same everywhere
    rcParams["hatch.linewidth"] = 0.5
    figure = Figure(figsize=(width_in, height_in))
    size = LARGE * min(1.0, _TITLE / max(len(title), 1))
    figure.text(0.06, 1 - 0.28 / height_in, title, fontsize=size, fontweight="bold", va="center")
    small = textwrap.fill(below, round(_SMALL_PRINT * width_in), break_on_hyphens=False)
    figure.text(0.06, 1 - 0.46 / height_in, small, fontsize=SMALL, color=GREY, va="top")
    return figure


def tidy(axes: Axes, title: str, unit: str) -> None:
    """Give a panel its title and unit, light grid lines, and no frame but the left and the bottom."""
    _title(axes, title, pad=4)
    axes.set_ylabel(unit, fontsize=NORMAL)
    axes.tick_params(labelsize=SMALL, length=2.5)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def legend(axes: Axes) -> None:
    """Put the legend between the title and the panel, no wider than the panel, in one row or two; long names are cut."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    least = -(-len(labels) // _LEGEND_ROWS)
    columns = next((n for n in range(max(4, least), least - 1, -1) if _fits(axes, labels, n)), 0)
    half = max(map(len, labels)) // 2
    while not columns and half > 4:
        half -= 1
        cut = [label if len(label) <= 2 * half + 1 else f"{label[:half]}…{label[-half:]}" for label in labels]
        columns = least * int(_fits(axes, cut, least))
    rows = -(-len(labels) // max(columns, least))
    _title(axes, axes.get_title(loc="left"), pad=4 + 10 * rows)


def _title(axes: Axes, title: str, pad: float) -> None:
    """Write a title so many points above the panel; with its place given, matplotlib need not look for one."""
    axes.set_title(title, fontsize=NORMAL + 1, loc="left", y=1.0, pad=pad)


def _fits(axes: Axes, labels: Sequence[str], columns: int) -> bool:
    """Draw the legend in so many columns and tell whether it is no wider than the panel."""
    handles, _ = axes.get_legend_handles_labels()
    drawn = axes.legend(
        handles, labels, fontsize=SMALL, frameon=False, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns,
        borderaxespad=0.1, handlelength=2.6, columnspacing=1.2, labelspacing=0.2, borderpad=0.1,
    )  # fmt: skip
    return bool(drawn.get_window_extent().x1 <= axes.get_window_extent().x1)


def short(axis: Axis) -> None:
    """Write large ticks of an axis in thousands or millions: 2.5 k, 10 k."""
    from matplotlib.ticker import FuncFormatter

    highest = max(map(abs, axis.get_view_interval()))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value, highest)))


def short_number(value: float, highest: float) -> str:
    """Write a number in the thousands or millions of the highest beside it: 7.5 k beside 10 k, 800 beside 900."""
    for unit, size, above in (("M", 1e6, 1e6), ("k", 1e3, 1e4)):
        if highest >= above and value:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def logarithmic(axis: Axis) -> None:
    """Write out the ticks of a logarithmic axis: at 1, 2 and 5, or at powers of ten where it is long."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 300 * low else (1.0,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value, value)))


def clock_axis(axes: Axes, start_s: float, end_s: float) -> None:
    """Label a time axis in s since midnight with the time of day."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    ticks_s = hour_ticks(start_s, end_s)
    with_seconds = any(tick_s % 60 for tick_s in ticks_s)
    axes.xaxis.set_label_coords(0.5, 0.0)  # it has no label, so that no place for one is looked for
    axes.xaxis.set_major_locator(FixedLocator(ticks_s))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: day_clock(value, seconds=with_seconds)))
    axes.set_xlim(start_s, max(end_s, start_s + 1))


def hour_ticks(start_s: float, end_s: float) -> list[float]:
    """At most eight round times of day between two, s since midnight."""
    span = end_s - start_s
    steps = (1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
    step = next((s for s in steps if span / s <= 7), 86400 * max(1, round(span / 86400 / 7)))
    first = -(-start_s // step) * step
    return [first + step * k for k in range(int((end_s - first) // step) + 1)]


def day_clock(time_s: float, seconds: bool = False) -> str:
    """Time of day of s since midnight of day 1: 20:30, or 20:30:05; 24:00 only at the end of the first day."""
    return clock(time_s if round(time_s) == DAY_S else time_s % DAY_S, seconds)
