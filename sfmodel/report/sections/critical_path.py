"""Where the time of traced requests goes along their critical path, and what held workers do meanwhile."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sfmodel.diagnosis import profile_tables as tables
from sfmodel.diagnosis.critical_path import CriticalPath, paths_of
from sfmodel.diagnosis.held_time import held_of
from sfmodel.diagnosis.scripts import scripts_of
from sfmodel.diagnosis.shares import Shares
from sfmodel.diagnosis.timelines import Traces
from sfmodel.diagnosis.waits import Waits
from sfmodel.errors import SfmodelError
from sfmodel.paths.requests import read_spans
from sfmodel.report.charts import FEW, bar_chart
from sfmodel.report.parts import Missing, Note, Part, Sheet, listing
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted, joined
from sfmodel.results.summary import format_value


def section(run: RunSubject) -> list[Part | Note]:
    """The endpoint that takes most time as bars, all endpoints as a table, and what is done while a station is held."""
    run.needs()
    name, windows = run.period
    try:
        traces = Traces(read_spans(run.traced), scripts_of(run.ds))
    except SfmodelError as error:
        raise Missing(f"What requests wait for along their critical path is not known: {error}.") from None
    waits = Waits(run.ds, traces.scripts)
    paths, held = paths_of(traces, waits, run.ds, windows), held_of(traces, waits, run.ds, windows)
    if not paths:
        raise Missing(f"No request that was traced begins in the {name}; trace more, with a smaller trace.one_in.")
    said = f"Of {counted(sum(one.every.count for one in paths), 'traced request')} that begin in the {name}; intervals: 95 %."
    columns = _columns([(one.endpoint, one.every) for one in paths])
    found: list[Part | Note] = [
        _bars(paths[0], name),
        listing(tables.paths_table(paths), "The critical path, by endpoint", said, Sheet("critical_paths", columns)),
    ]
    held = [one for one in held if math.isfinite(one.mean_held)]
    if held:
        most = max(held, key=lambda one: one.mean_held)
        says = (
            f"In the {name} most servers are held at {most.station}, {format_value(most.mean_held, '1')} in the mean."
        )
        sheet = Sheet("held_workers", _columns([(one.station, one.shares) for one in held]))
        found.append(listing(tables.held_table(held), "What held workers do", says, sheet))
    return found


def _bars(one: CriticalPath, period: str) -> Part:
    shares = {tables.written(part): one.every.share(part) for part in one.every.parts_ns}
    parts = list(one.every.parts_ns)[:3]
    first = joined([f"{tables.written(part)} ({tables.with_interval(one.every, part)})" for part in parts])
    says = (
        f"Requests to {one.endpoint} take most time of all in the {period}, {format_value(one.every.mean_s, 's')} in the mean: "
        f"{first}. What runs beside something that takes longer does not count."
    )
    shown = {label: 100 * share for label, share in list(shares.items())[: 2 * FEW]}
    others = 100 * sum(list(shares.values())[2 * FEW :])
    sheet = Sheet("critical_path", _columns([(one.endpoint, one.every)]))
    return bar_chart("critical_path", f"Critical path of {one.endpoint}, {period}", shown, "%", says, sheet, others)


def _columns(every: Sequence[tuple[str, Shares[Any]]]) -> dict[str, list[str | float]]:
    rows = [
        (of, tables.written(part), one.mean_of_s(part), one.share(part), one.halves[part])
        for of, one in every
        for part in one.parts_ns
    ]
    heads = ("of", "part", "mean (s)", "share", "half of its interval")
    return {head: [row[k] for row in rows] for k, head in enumerate(heads)}
