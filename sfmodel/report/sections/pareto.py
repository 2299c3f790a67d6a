"""The platform's first aim against each of its costs: which points are beaten by none in both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sfmodel.aims import Aim, aims_of
from sfmodel.report.parts import Chart, Missing, Note, Part, Sheet, short
from sfmodel.report.subject import PointOfSweep, SweepSubject
from sfmodel.report.words import counted, joined
from sfmodel.results.summary import format_value


def section(sweep: SweepSubject) -> list[Part | Note]:
    """A chart for each cost."""
    aims = aims_of(sweep.platform).aims
    if not aims:
        raise Missing(
            f"Nothing says what changes of this platform are for and what they cost: there is no conf/aims/{sweep.platform}.yaml."
        )
    goal = next((aim for aim in aims if not aim.cost), None)
    costs = [aim for aim in aims if aim.cost]
    if goal is None or not costs:
        raise Missing(
            f"conf/aims/{sweep.platform}.yaml names {'no cost' if goal else 'no aim but costs'}, so there is nothing to weigh."
        )
    parts: list[Part | Note] = []
    for cost in costs:
        known = [point for point in sweep.points if goal.id in point.figures and cost.id in point.figures]
        known = [point for point in known if all(math.isfinite(point.figures[aim.id].mean) for aim in (goal, cost))]
        parts.append(
            chart(goal, cost, known)
            if known
            else Note(f"{cost.title}: no finished run shows both this and {goal.title}.")
        )
    return parts


def front(values: Sequence[tuple[float, float]]) -> list[int]:
    """Which points are beaten by none: none is better in one of both and as good in the other; less is better in both."""
    return [
        k for k, (a, b) in enumerate(values)
        if not any(c <= a and d <= b and (c < a or d < b) for c, d in values)
    ]  # fmt: skip


def chart(goal: Aim, cost: Aim, points: Sequence[PointOfSweep]) -> Chart:
    """Points by cost and aim, the front joined by a line."""
    sign = {aim.id: -1.0 if aim.better == "more" else 1.0 for aim in (goal, cost)}
    values = [tuple(sign[aim.id] * point.figures[aim.id].mean for aim in (cost, goal)) for point in points]
    best = sorted(front([(a, b) for a, b in values]), key=lambda k: values[k])
    (x_factor, x_unit), (y_factor, y_unit) = (_scale(aim.unit) for aim in (cost, goal))

    def at(which: Sequence[int]) -> dict[str, Any]:
        errors = {"thickness": 1, "width": 3}
        return {
            "x": [short(x_factor * points[k].figures[cost.id].mean) for k in which],
            "y": [short(y_factor * points[k].figures[goal.id].mean) for k in which],
            "error_x": {"array": [_half(points[k], cost, x_factor) for k in which], **errors},
            "error_y": {"array": [_half(points[k], goal, y_factor) for k in which], **errors},
            "text": [points[k].title for k in which],
            "hovertemplate": "%{text}<br>%{y} " + y_unit + ", %{x} " + x_unit + "<extra></extra>",
        }

    others = [k for k in range(len(points)) if k not in best]
    labels = "markers+text" if len(best) <= 8 else "markers"
    traces = [
        {"type": "scatter", "mode": "markers", "name": "beaten by another", "marker": {"color": "muted", "symbol": "circle-open",
         "size": 8}, **at(others)},
        {"type": "scatter", "mode": f"lines+{labels}", "name": "front: beaten by none", "marker": {"color": "c1", "size": 9},
         "line": {"color": "c1", "dash": "4px,3px", "width": 1.2},
         "textposition": _beside(len(best)), "cliponaxis": False, "textfont": {"size": 10}, **at(best)},
    ]  # fmt: skip
    sheet = Sheet(
        f"{goal.id}_against_{cost.id}",
        {"point": [point.title for point in points], "seeds": [len(point.seeds) for point in points],
         **{f"{aim.id}, {what} ({aim.unit})": [getattr(point.figures[aim.id], what) for point in points]
            for aim in (goal, cost) for what in ("mean", "half")},
         "on the front": ["yes" if k in best else "no" for k in range(len(points))]},
    )  # fmt: skip
    named = joined([
        f"{points[k].title} ({format_value(points[k].figures[goal.id].mean, goal.unit)} for "
        f"{format_value(points[k].figures[cost.id].mean, cost.unit)})" for k in best[:4]
    ])  # fmt: skip
    more = f" and {len(best) - 4} more" if len(best) > 4 else ""
    are = "is" if len(best) == 1 else "are"
    of = f"{counted(len(best), 'point')} of {len(points)} {are}"
    says = f"{of} beaten by none in both, by means: {named}{more}."
    layout = {
        "xaxis": {"title": f"{cost.title}, {x_unit}"},
        "yaxis": {"title": f"{goal.title}, {y_unit}"},
        "margin": {"t": 26},
    }
    return Chart(f"{goal.title}, against: {cost.title}", says, sheet, traces, layout, 340)


def _beside(count: int) -> list[str]:
    """Where labels stand at so many points from left to right: within the chart."""
    if count < 2:
        return ["top center"] * count
    return ["top right", *["top center"] * (count - 2), "top left"]


def _half(point: PointOfSweep, aim: Aim, factor: float) -> float | None:
    half = point.figures[aim.id].half
    return short(0.0 if math.isnan(half) else factor * half)


def _scale(unit: str) -> tuple[float, str]:
    return (100.0, "%") if unit == "share" else (1000.0, "ms") if unit == "s" else (1.0, unit)
