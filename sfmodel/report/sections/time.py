"""What requests wait for: each counts, with its time, for what kept it longest."""

from __future__ import annotations

import numpy as np

from sfmodel.diagnosis import troubles
from sfmodel.report.charts import FEW, bar_chart, stacked_chart
from sfmodel.report.parts import Missing, Note, Part, Sheet
from sfmodel.report.subject import RunSubject
from sfmodel.report.words import joined
from sfmodel.results import measures
from sfmodel.results.summary import format_value


def section(run: RunSubject) -> list[Part | Note]:
    """Shares over the peak, and the mean response time over the run, cause by cause."""
    run.needs("endpoint_cause_time", "endpoint_causes", "endpoint_outcomes")
    name, windows = run.period
    found = sorted(troubles(run.ds, windows), key=lambda one: -np.nan_to_num(one.time_share))
    if not np.nansum([one.time_share for one in found]):
        raise Missing(f"No request ended in the {name}, so there is no time to divide.")
    sheet = Sheet(
        "time_by_cause", {"cause": [o.cause for o in found], "share of the time": [o.time_share for o in found]}
    )
    shown = {one.cause: 100 * one.time_share for one in found[: 2 * FEW] if one.time_share > 0}
    first = joined([f"{format_value(o.time_share, 'share')} {o.cause}" for o in found[:3] if o.time_share > 0])
    says = f"Of the time of all requests in the {name}, by what kept each longest: {first}; all causes add up to 100 %."
    bars = bar_chart(
        "time_by_cause", f"Share of the time of requests, {name}", shown, "%", says, sheet,
        max(0.0, 100.0 - sum(shown.values())) if len(shown) < sum(one.time_share > 0 for one in found) else 0.0,
    )  # fmt: skip
    return [bars, _over_time(run)]


def _over_time(run: RunSubject) -> Part:
    evening = run.one_evening
    coarse = evening.coarse("endpoint_cause_time", "endpoint_outcomes").sel(endpoint=measures.roots(run.ds))
    seconds = coarse["endpoint_cause_time"].sum("endpoint").transpose("time", "cause").values
    ended = coarse["endpoint_outcomes"].sum(["endpoint", "outcome"]).values
    each_ms = 1000 * np.divide(seconds, ended[:, None], out=np.zeros_like(seconds), where=ended[:, None] > 0)
    layers = {str(cause): each_ms[:, k] for k, cause in enumerate(coarse["cause"].values) if each_ms[:, k].any()}
    total = each_ms.sum(axis=1)
    worst = int(np.argmax(total))
    largest = max(layers, key=lambda cause: layers[cause][worst])
    from sfmodel.clock import clock

    says = (
        f"The mean time of a request is highest at {clock(float(evening.windows['time'].values[worst]), True)}, "
        f"{format_value(total[worst] / 1000, 's')}, of which {format_value(layers[largest][worst] / 1000, 's')} is that of "
        f"requests kept longest by {largest}; its median is {format_value(float(np.median(total)) / 1000, 's')}."
    )
    return stacked_chart(
        evening, "time_by_cause_over_time", "Mean time of a request, by what kept it", layers, "ms", says
    )
