"""What failed requests come from in the end: shares that add up to all of them, over the peak and over the run."""

from __future__ import annotations

import numpy as np

from sfmodel.clock import clock
from sfmodel.diagnosis import Trouble, by_endpoint, troubles
from sfmodel.diagnosis.table import endpoints_table, troubles_data, troubles_table
from sfmodel.report.charts import FEW, bar_chart, stacked_chart
from sfmodel.report.parts import Note, Part, Sheet, listing, records
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import counted, joined
from sfmodel.results import measures
from sfmodel.results.summary import format_value


def section(run: RunSubject) -> list[Part | Note]:
    """Shares, their course, and the tables of `sfmodel diagnose`."""
    run.needs("endpoint_causes", "endpoint_cause_time")
    name, windows = run.period
    found = troubles(run.ds, windows)
    total = sum(one.failures for one in found)
    title, sheet = f"Causes beside how busy each was, {name}", records("causes", troubles_data(found))
    table = listing(troubles_table(found), title, _busiest(found, name), sheet, True)
    if not total:
        everything = int(run.ds["endpoint_causes"].sel(endpoint=measures.roots(run.ds)).sum())
        if not everything:
            return [Note("No request failed in this run, so there are no failures to divide."), table]
        return [Note(f"No request failed in the {name}, so there are no failures to divide."), _over_time(run), table]
    blamed = [one for one in found if one.failures]
    first = joined([f"{format_value(one.failure_share, 'share')} {one.cause}" for one in blamed[:3]])
    says = f"{counted(total, 'request')} failed in the {name}; in the end they come from {first}; all causes add up to 100 %."
    shown = {one.cause: 100 * one.failure_share for one in blamed[: 2 * FEW]}
    sheet = Sheet("failures_by_cause", {
        "cause": [one.cause for one in blamed], "failures": [one.failures for one in blamed],
        "share of all failures": [one.failure_share for one in blamed],
    })  # fmt: skip
    others = 100.0 - sum(shown.values()) if len(blamed) > len(shown) else 0.0
    bars = bar_chart("failures_by_cause", f"Failed requests by cause, {name}", shown, "%", says, sheet, others)
    return [bars, _over_time(run), table, _endpoints(run, name, windows)]


def _over_time(run: RunSubject) -> Part:
    evening = run.one_evening
    coarse = evening.coarse("endpoint_causes").sel(endpoint=measures.roots(run.ds))
    failed = coarse["endpoint_causes"].sum("endpoint").transpose("time", "cause").values
    rate = failed / coarse["width"].values[:, None]
    layers = {str(cause): rate[:, k] for k, cause in enumerate(coarse["cause"].values) if rate[:, k].any()}
    worst = int(np.argmax(rate.sum(axis=1)))
    largest = max(layers, key=lambda cause: layers[cause][worst])
    says = (
        f"Most requests fail at {clock(float(coarse['time'].values[worst]), True)}, {rate[worst].sum():,.3g} in a second, "
        f"{format_value(layers[largest][worst] / rate[worst].sum(), 'share')} of them from {largest}."
    )
    return stacked_chart(
        evening, "failures_by_cause_over_time", "Failed requests by cause, over the run", layers, "requests/s", says
    )


def _endpoints(run: RunSubject, name: str, windows: np.ndarray) -> Part:
    every = by_endpoint(run.ds, windows)
    rows = [(endpoint, cause, count) for endpoint, causes in every.items() for cause, count in causes.items()]
    sheet = Sheet(
        "failures_by_endpoint", {head: [r[k] for r in rows] for k, head in enumerate(("endpoint", "cause", "failures"))}
    )
    worst = max(every, key=lambda endpoint: sum(every[endpoint].values()))
    total = sum(sum(causes.values()) for causes in every.values())
    share = format_value(sum(every[worst].values()) / total, "share")
    says = f"{share} of the failed requests are those of {worst}."
    return listing(endpoints_table(every), f"What the failures of each endpoint come from, {name}", says, sheet, True)


def _busiest(found: list[Trouble], name: str) -> str:
    known = [one for one in found if np.isfinite(one.busy)]
    if not known:
        return "No cause of this platform has servers that could be busy."
    most = max(known, key=lambda one: one.busy)
    return (
        f"Busiest in the {name} is {most.cause}, {format_value(most.busy, 'share')}, from which "
        f"{format_value(most.failure_share, 'share') if np.isfinite(most.failure_share) else 'none'} of the failures come."
    )
