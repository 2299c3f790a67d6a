"""When circuit breakers were open, and half open, and what they refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from sfmodel.clock import clock
from sfmodel.report.charts import background
from sfmodel.report.parts import Chart, Missing, Note, Part, Sheet, short
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted
from sfmodel.results import measures
from sfmodel.results.summary import format_value

_STATES = {1: ("open", "c1"), 2: ("half open", "c4")}
"""Name and colour of each state but closed."""


def section(run: RunSubject) -> list[Part | Note]:
    """A line for each breaker; all of them from the states at the ends of windows."""
    run.needs("breaker_state")
    state = run.ds["breaker_state"].values
    own = np.flatnonzero((state >= 0).any(axis=0))
    if not own.size:
        raise Missing("No call in this run has a circuit breaker, so there are no states to show.")
    starts_s = run.ds["time"].values.astype(float)
    ends_s = starts_s + run.ds["width"].values
    rows: list[tuple[str, str, float, float]] = []
    for k in own:
        for code, (name, _) in _STATES.items():
            for one in measures.stretches(state[:, k] == code):
                rows.append(
                    (str(run.ds["call"].values[k]), name, float(starts_s[one.start]), float(ends_s[one.stop - 1]))
                )
    openings = (
        run.ds["breaker_openings"].values.sum(axis=0) if "breaker_openings" in run.ds else np.zeros(state.shape[1])
    )
    refused = run.ds["call_open"].values.sum(axis=0) if "call_open" in run.ds else np.zeros(state.shape[1])
    labels = [str(run.ds["call"].values[k]) for k in own]
    opened = [k for k in own if openings[k] or (state[:, k] > 0).any()]
    sheet = Sheet(
        "breakers",
        {"call": [r[0] for r in rows], "state": [r[1] for r in rows], "from": [clock(r[2], True) for r in rows],
         "to": [clock(r[3], True) for r in rows], "from (s)": [r[2] for r in rows], "to (s)": [r[3] for r in rows]},
    )  # fmt: skip
    if not opened:
        says = f"{counted(len(own), 'breaker')} stayed closed throughout."
    else:
        longest = max(labels, key=lambda label: sum(r[3] - r[2] for r in rows if r[:2] == (label, "open")))
        open_s = sum(r[3] - r[2] for r in rows if r[:2] == (longest, "open"))
        says = (
            f"{len(opened)} of {counted(len(own), 'breaker')} opened, {counted(int(openings[own].sum()), 'time')} in all, and "
            f"refused {counted(int(refused[own].sum()), 'call')}; longest open was {longest}, "
            f"{format_value(open_s, 's')}, as seen at the ends of windows."
        )
    traces: list[dict[str, Any]] = []
    for name, colour in _STATES.values():
        mine = [r for r in rows if r[1] == name]
        traces.append(
            {"type": "bar", "orientation": "h", "name": name, "y": [r[0] for r in mine], "marker": {"color": colour},
             "base_s": [short(r[2]) for r in mine], "length_s": [short(r[3] - r[2]) for r in mine], "width": 0.5,
             "text": [f"{clock(r[2], True)} to {clock(r[3], True)}" for r in mine], "textposition": "none",
             "hovertemplate": "%{y}<br>" + name + " %{text}<extra></extra>"}
        )  # fmt: skip
    layout = {
        "barmode": "overlay", "shapes": background(run.one_evening), "hovermode": "closest",
        "yaxis": {"type": "category", "categoryorder": "array", "categoryarray": labels[::-1], "range": [-0.6, len(labels) - 0.4],
                  "automargin": True},
        "range_s": [float(starts_s[0]), float(ends_s[-1])],
    }  # fmt: skip
    return [Chart("State of each breaker", says, sheet, traces, layout, 80 + 26 * len(own), None, True)]
