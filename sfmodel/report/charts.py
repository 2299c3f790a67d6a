"""The kinds of charts of the report: a colour and a dash for each line, so that grey print can be read too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.figures.evening import Evening
from sfmodel.figures.panels import Lines
from sfmodel.figures.style import COLOURS
from sfmodel.report.parts import Chart, Sheet, short
from sfmodel.report.words import course_of
from sfmodel.results.summary import format_value

DASHES = ("solid", "7px,3px", "2px,2px", "9px,3px,2px,3px", "5px,2px,2px,2px,2px,2px", "12px,4px")
"""One fewer than colours, so that both are the same again only at the 43rd line."""

FEW = 6
"""Lines or layers of a chart; what is less is taken together, or left to the table."""

OTHERS = "all others"


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of the line of this number."""
    return {"color": f"c{number % len(COLOURS)}", "dash": DASHES[number % len(DASHES)], "width": 1.6}


def panel_chart(evening: Evening, name: str, title: str, shown: Lines, lowest: float | None = None) -> Chart:
    """The lines of a panel over the time of the run, with limits, bands, and what is said of the lines.

    Parameters
    ----------
    evening
        What they were made from.
    name
        Of the data's file.
    title
        Above the chart.
    shown
        Lines, of several replications their means.
    lowest
        Bottom of the axis; none: 0, or as a logarithmic axis needs.
    """
    starts_s = np.asarray(evening.windows["time"].values, float)
    columns: dict[str, Sequence[Any]] = _clock_columns(starts_s)
    traces, shapes = [], background(evening)
    places = {line: number for number, line in enumerate(shown.lines)}
    for line, values in shown.lines.items():
        style = line_style(places[line])
        columns[f"{line} ({shown.unit})"] = values.tolist()
        if line in shown.bands:
            traces += _band(shown.bands[line], style)
            for end, edge in zip(("low", "high"), shown.bands[line], strict=True):
                columns[f"{line}, {end} ({shown.unit})"] = edge.tolist()
        traces.append(
            {"type": "scatter", "mode": "lines" if len(values) > 1 else "markers", "name": line, "line": style,
             "y": numbers(values, positive=shown.logarithmic)}
        )  # fmt: skip
    for level, height in shown.levels.items():
        columns[f"{level} ({shown.unit})"] = [height] * len(starts_s)
        limit = {"color": "ink", "dash": "2px,3px", "width": 1.2}
        traces.append({"type": "scatter", "mode": "lines", "name": level, "line": limit, "y": [height] * len(starts_s)})
    for claim in shown.claims:
        shapes += _claim(claim.start_s, claim.end_s, claim.low, claim.high, f"c{places[claim.line] % len(COLOURS)}")
    says = course_of(starts_s, shown.lines, shown.unit)
    axis: dict[str, Any] = {"title": shown.unit}
    if shown.logarithmic and any((values > 0).any() for values in shown.lines.values()):
        axis |= {"type": "log", "dtick": None}
    else:
        axis |= {"rangemode": "tozero"}
        if shown.highest is not None:
            axis |= {"range": [lowest or 0, shown.highest * 1.02], "rangemode": "normal"}
    layout = {"yaxis": axis, "shapes": shapes}
    return Chart(title, says, Sheet(name, columns), traces, layout, 230, starts_s.tolist(), True)


def stacked_chart(
    evening: Evening, name: str, title: str, layers: Mapping[str, NDArray[np.float64]], unit: str, says: str
) -> Chart:
    """Layers that add up, over the time of the run; of many the largest, and the others together.

    Parameters
    ----------
    layers
        Values by name, each shape [time]; what is not known counts as 0.
    """
    starts_s = np.asarray(evening.windows["time"].values, float)
    columns = _clock_columns(starts_s) | {f"{layer} ({unit})": values.tolist() for layer, values in layers.items()}
    traces = []
    for number, (layer, values) in enumerate(largest(layers).items()):
        colour = "muted" if layer == OTHERS else f"c{number % len(COLOURS)}"
        traces.append(
            {"type": "scatter", "mode": "lines", "name": layer, "stackgroup": "all", "fillcolor": f"{colour}/0.55",
             "line": {"color": colour, "width": 0.8}, "y": numbers(np.nan_to_num(values))}
        )  # fmt: skip
    layout = {
        "yaxis": {"title": unit, "rangemode": "tozero"},
        "shapes": background(evening),
        "legend": {"traceorder": "normal"},
    }
    return Chart(title, says, Sheet(name, columns), traces, layout, 300, starts_s.tolist(), True)


def bar_chart(
    name: str, title: str, values: Mapping[str, float], unit: str, says: str, sheet: Sheet, others: float = 0.0
) -> Chart:
    """Bars, the largest at the top, each with its value behind it; `others` is what all that are not shown add up to."""
    every = dict(sorted(values.items(), key=lambda one: -one[1])) | ({OTHERS: others} if others else {})
    texts = [
        format_value(value / 100, "share") if unit == "%" else format_value(value, unit) for value in every.values()
    ]
    trace = {
        "type": "bar", "orientation": "h", "x": [short(value) for value in every.values()], "y": list(every),
        "text": texts, "textposition": "outside", "cliponaxis": False, "hovertemplate": "%{y}: %{text}<extra></extra>",
        "marker": {"color": ["muted" if label == OTHERS else "c0" for label in every]},
    }  # fmt: skip
    most = max(every.values(), default=1.0)
    layout = {
        "xaxis": {"title": unit, "range": [0, most * 1.18]},
        "yaxis": {"autorange": "reversed", "dtick": 1, "showgrid": False},
    }
    return Chart(title, says, sheet, [trace], layout, 70 + 26 * max(1, len(every)))


def background(evening: Evening) -> list[dict[str, Any]]:
    """Peak hours and events, drawn behind the lines."""
    tall = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    peaks = [{**tall, "x0": a, "x1": b, "fillcolor": "peak", "line": {"width": 0}} for a, b in evening.peaks]
    line = {"color": "muted", "width": 1}
    events = [{**tall, "x0": a, "x1": b, "fillcolor": "event", "line": line} for a, b in evening.triggers]
    return peaks + events


def largest(layers: Mapping[str, NDArray[np.float64]], most: int = FEW) -> dict[str, NDArray[np.float64]]:
    """The largest layers by their sums, and what is left of more as one."""
    ordered = sorted(layers, key=lambda layer: -float(np.nansum(layers[layer])))
    seen = [layer for layer in ordered if float(np.nansum(layers[layer])) > 0]
    found = {layer: layers[layer] for layer in seen[:most]}
    rest = [np.nan_to_num(layers[layer]) for layer in seen[most:]]
    return found | ({OTHERS: np.sum(rest, axis=0)} if rest else {})


def numbers(values: NDArray[np.float64], positive: bool = False) -> list[float | int | None]:
    """Values as a chart holds them; on a logarithmic axis only those above 0."""
    return [None if positive and not value > 0 else short(float(value)) for value in values]


def _clock_columns(starts_s: NDArray[np.float64]) -> dict[str, Sequence[Any]]:
    return {"window": [clock(one, seconds=True) for one in starts_s], "begins (s since midnight)": starts_s.tolist()}


def _band(band: tuple[NDArray[np.float64], NDArray[np.float64]], style: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lower edge, then the upper one, filled down to it."""
    plain = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    low, high = (numbers(edge) for edge in band)
    return [{**plain, "y": low}, {**plain, "y": high, "fill": "tonexty", "fillcolor": f"{style['color']}/0.2"}]


def _claim(start_s: float, end_s: float, low: float | None, high: float | None, colour: str) -> list[dict[str, Any]]:
    """A tinted range; of one with an open end the other."""
    across = {"x0": start_s, "x1": end_s, "layer": "below"}
    ends = [end for end in (low, high) if end is not None and math.isfinite(end)]
    dashed = {"color": f"{colour}/0.6", "width": 1, "dash": "4px,3px"}
    lines = [{**across, "type": "line", "y0": end, "y1": end, "line": dashed} for end in ends]
    if len(ends) < 2:
        return lines
    fill = {**across, "type": "rect", "y0": ends[0], "y1": ends[1], "fillcolor": f"{colour}/0.1", "line": {"width": 0}}
    return [fill, *lines]
