"""Who calls whom: services in layers from the entry on, a line for each pair, its width the rate of calls.

Colour and dashes say how slow the calls are; the numbers at a line are calls per second and their mean duration, which
what is sent without waiting for an answer does not have.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from sfmodel.figures.style import BLUE, GREY, NORMAL, ORANGE, SMALL, VERMILLION, new_figure
from sfmodel.results import measures
from sfmodel.results.replications import DIM, is_replicated
from sfmodel.results.summary import format_value

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SLOW_S, _SLUGGISH_S = 0.5, 0.1

_BEND = 0.08
_LABEL = (0.085, 0.06)
"""Width and height of a label, of those of the axes."""
_ALONG = (0.55, 0.45, 0.65, 0.35, 0.72, 0.28, 0.8, 0.5, 0.6, 0.4)
"""Where a label may be on its line, the best first."""

Pair = tuple[str, str]
Point = tuple[float, float]
Place = dict[str, Point]


def dependencies(ds: xr.Dataset) -> Figure:
    """Draw the graph of the calls between services over the whole run."""
    flows = service_flows(ds)
    services = [str(name) for name in ds["service"].values] if "service" in ds.coords else []
    services = services or sorted({name for pair in flows for name in pair})
    small = (
        f"calls/s and mean duration; blue below {_SLUGGISH_S:g} s, orange dashed below {_SLOW_S:g} s, red dotted above"
    )
    figure = new_figure(8.3, 5.8, "Who calls whom", small)
    axes = figure.add_axes((0.03, 0.02, 0.94, 0.84))
    axes.set_axis_off()
    place = _places(services, list(flows))
    taken = list(place.values())
    for pair, (rate_per_s, mean_s) in flows.items():
        _draw_flow(axes, place[pair[0]], place[pair[1]], rate_per_s, mean_s, taken)
    for name, (x, y) in place.items():
        box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "black", "linewidth": 0.9}
        axes.text(x, y, name, ha="center", va="center", fontsize=NORMAL, bbox=box, zorder=3)
    axes.set_xlim(-0.08, 1.08)
    axes.set_ylim(-0.08, 1.08)
    return figure


def service_flows(ds: xr.Dataset) -> dict[Pair, tuple[float, float]]:
    """Calls per second and their mean duration, s, for each pair of services where one calls the other."""
    if "call_attempts" not in ds:
        return {}
    period = measures.fold(ds, names=["call_attempts", "call_outcomes", "call_time"])
    period = period.mean(DIM) if is_replicated(period) else period
    sums: dict[Pair, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    ended = measures.ended(period, "call").values
    for k, label in enumerate(period["call"].values):
        caller, _, callee = str(label).partition(">")
        pair = (caller.partition(".")[0], callee.partition(".")[0])
        sums[pair] = list(
            np.add(sums[pair], [period["call_attempts"].values[k], ended[k], period["call_time"].values[k]])
        )
    width_s = float(period["width"]) or 1.0
    return {
        pair: (attempts / width_s, total_s / count if count else float("nan"))
        for pair, (attempts, count, total_s) in sums.items()
        if attempts and pair[0] != pair[1]
    }


def _places(services: list[str], pairs: list[Pair]) -> Place:
    """Put each service into the layer of its distance from the entry; within a layer in the order listed."""
    called = {callee for _, callee in pairs}
    depth = {name: 0 for name in services if name not in called} or dict.fromkeys(services[:1], 0)
    frontier = list(depth)
    while frontier:
        found = {callee: depth[caller] + 1 for caller, callee in pairs if caller in frontier and callee not in depth}
        depth.update(found)
        frontier = list(found)
    layers: dict[int, list[str]] = defaultdict(list)
    for name in services:
        layers[depth.get(name, 0)].append(name)
    deepest = max(layers, default=0) or 1
    return {
        name: ((k + 0.5) / len(names), 1 - (layer + 0.12 * (k % 2)) / (deepest + 0.12))
        for layer, names in layers.items()
        for k, name in enumerate(names)
    }


def _draw_flow(
    axes: Axes, start: Point, end: Point, rate_per_s: float, mean_s: float, taken: list[Point]
) -> None:  # fmt: skip
    slow, sluggish = mean_s >= _SLOW_S, mean_s >= _SLUGGISH_S
    colour = VERMILLION if slow else ORANGE if sluggish else BLUE
    dashes = ":" if slow else "--" if sluggish else "-"
    arrow = {
        "arrowstyle": "-|>", "color": colour, "linestyle": dashes, "shrinkA": 13, "shrinkB": 13,
        "linewidth": 0.6 + 0.5 * np.log10(1 + rate_per_s), "connectionstyle": f"arc3,rad={_BEND}",
    }  # fmt: skip
    axes.annotate("", end, start, arrowprops=arrow, zorder=1)
    backing = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
    label = format_value(rate_per_s, "1/s") + ("" if np.isnan(mean_s) else f"\n{format_value(mean_s, 's')}")
    x, y = _free_point(axes, start, end, taken)
    axes.text(x, y, label, fontsize=SMALL - 1, color=GREY, ha="center", va="center", bbox=backing, zorder=2)


def _free_point(axes: Axes, start: Point, end: Point, taken: list[Point]) -> Point:
    """Where on a bent line a label hides no other; it is taken then."""
    box = axes.get_window_extent()
    wide = box.width / box.height
    (x0, y0), (x1, y1) = start, end
    bend_x, bend_y = _BEND * (y1 - y0) / wide, -_BEND * (x1 - x0) * wide
    points = []
    for along in _ALONG:
        bent = 2 * along * (1 - along)
        points.append((x0 + along * (x1 - x0) + bent * bend_x, y0 + along * (y1 - y0) + bent * bend_y))
    free = (p for p in points if not any(abs(p[0] - x) < _LABEL[0] and abs(p[1] - y) < _LABEL[1] for x, y in taken))
    point = next(free, points[0])
    taken.append(point)
    return point
