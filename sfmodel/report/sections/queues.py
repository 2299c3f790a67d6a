"""What waits, and where: at stations and in queues with consumers, beside how busy the stations are."""

from __future__ import annotations

import numpy as np

from sfmodel.figures.panel import Panel
from sfmodel.report.parts import Head, Line, Listing, Missing, Note, Part, Sheet
from sfmodel.report.sections.curves import chart
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted
from sfmodel.results import measures
from sfmodel.results.summary import format_value

_PANELS = {
    "waiting": "Longest queues at stations",
    "utilisation": "Busiest stations",
    "queue_length": "Messages waiting for consumers",
}
_OF_STATIONS = (
    "station_busy", "station_servers", "station_queue", "station_queue_max", "station_wait", "station_starts",
    "station_arrivals", "station_rejected", "station_expired",
)  # fmt: skip


def section(run: RunSubject) -> list[Part | Note]:
    """The curves, and a table of every station."""
    run.needs()
    if "station_queue" not in run.ds and "queue_length" not in run.ds:
        raise Missing("Nothing can wait in this run: it has no stations and no queues, or an older version made it.")
    found = {name: chart(run, Panel(panel=name), title) for name, title in _PANELS.items()}
    parts = [part for part in found.values() if part is not None]
    if found["waiting"] is None and "station_queue" in run.ds:
        parts.insert(0, Note("At no station did anything ever wait."))
    return [*parts, *_every_station(run)]


def _every_station(run: RunSubject) -> list[Part | Note]:
    lacking = [name for name in _OF_STATIONS if name not in run.ds]
    if lacking:
        return [Note(f"The table of stations is left out: this run does not have {lacking[0]}.")]
    name, windows = run.period
    period = measures.fold(run.ds, windows, _OF_STATIONS)
    labels = [str(label) for label in period["station"].values]
    arrivals = period["station_arrivals"].values
    away = (period["station_rejected"] + period["station_expired"]).values
    columns = {
        "busy (share)": measures.utilisation(period).values,
        "waiting, mean": measures.mean_waiting(period).values,
        "waiting, most at once": period["station_queue_max"].values,
        "wait, mean (s)": measures.mean_wait(period).values,
        "arrivals": arrivals,
        "turned away or expired": away,
    }
    order = np.argsort(-np.nan_to_num(columns["waiting, mean"]), kind="stable")
    units = ("share", "1", "1", "s", "1", "1")
    lines = [
        Line([labels[k], *(format_value(float(v[k]), u) for v, u in zip(columns.values(), units, strict=True))])
        for k in order
    ]
    longest, waiting = labels[order[0]], columns["waiting, mean"][order[0]]
    says = (
        f"Most waits at {longest}, {format_value(float(waiting), '1')} on average over the {name}; "
        f"{counted(int((away > 0).sum()), 'station')} of {len(labels)} turned something away or let it expire."
    )
    sheet = Sheet(
        "stations", {"station": [labels[k] for k in order], **{t: v[order].tolist() for t, v in columns.items()}}
    )
    heads = [Head("station"), *(Head(title, True) for title in columns)]
    return [Listing(f"Every station, {name}", says, sheet, heads, lines, len(labels) > 8)]
