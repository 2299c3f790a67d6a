"""Sources as records: integrated rates, times, intervals; changes of rates by a scenario are folded in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfkernels import names
from sfkernels.records import KNOT, SOURCE
from sfmodel.errors import ConfigError
from sfmodel.plan.demand import Times, bends, breathing, curve, integrated
from sfmodel.plan.index import Index
from sfmodel.plan.salts import salt
from sfmodel.plan.series import times_s
from sfmodel.plan.things import _array
from sfmodel.schema.run import Run
from sfmodel.schema.sources import Source

Segments = list[tuple[float, Run]]


class DemandCurves:
    """Demand of each stretch of a run."""

    def __init__(self, segments: Segments, seed: int) -> None:
        """Keep the stretches; nothing is computed yet."""
        self.segments, self.seed = segments, seed

    def check(self, begin_s: float, until_s: float) -> None:
        """Refuse a recorded series that does not cover the run or cannot be read.

        Raises
        ------
        ConfigError
            The file, and what is wrong with it.
        """
        for stretch in range(len(self.segments)):
            self.at(np.array([begin_s, until_s]), stretch)

    def at(self, t: Times, stretch: int) -> Times:
        """Demand at times t with the configuration of a stretch."""
        demand = self.segments[stretch][1].demand
        return curve(demand, t) * breathing(demand.breathing, self.seed, t)

    def over(self, t: Times) -> Times:
        """Demand at times t, each with the configuration that acts then."""
        result = np.empty_like(t)
        starts = [time for time, _ in self.segments]
        stretches = np.clip(np.searchsorted(starts, t, side="right") - 1, 0, None)
        for stretch in range(len(starts)):
            inside = stretches == stretch
            if inside.any():
                result[inside] = self.at(t[inside], stretch)
        return result


def _changes(segments: Segments, what: Callable[[Run], object]) -> list[int]:
    """Stretches that begin with a change of something: others add no knot, so that they move no arrival by a bit."""
    return [k for k in range(len(segments)) if k == 0 or what(segments[k][1]) != what(segments[k - 1][1])]


def _spike_rate(source: Source, t: Times) -> Times:
    rate = np.zeros_like(t)
    for spike in source.spikes:
        inside = (t >= spike.at) & (t < spike.at + spike.for_)
        rate[inside] += spike.count / spike.for_
    return rate


def _spike_edges(source: Source) -> list[float]:
    """Just before and at each edge, so that a burst is a step and no ramp."""
    edges = [edge for spike in source.spikes for edge in (spike.at, spike.at + spike.for_)]
    return [t for edge in edges for t in (float(np.nextafter(edge, -np.inf)), edge)]


def _knots(times: Times, totals: Times) -> NDArray:
    knots = np.zeros(len(times), KNOT)
    knots["time"], knots["total"] = times, totals
    return knots


def _recorded(source: Source, name: str) -> Times:
    assert source.file is not None
    times, stamped = times_s(source.file.file, source.file.time, f"platform.sources.{name}.file.time")
    if stamped:
        if source.file.start is None:
            raise ConfigError(
                f"platform.sources.{name}.file: '{source.file.file}' holds timestamps; "
                "say with `start` at which time of day the first arrival is"
            )
        times = times - times[0] + source.file.start
    return times


def source_arrays(segments: Segments, index: Index) -> tuple[dict[str, NDArray], float]:
    """Sources and their knots; and the highest rate of requests per second."""
    run = segments[0][1]
    begin_s, until_s = run.start - run.warmup, run.until
    curves = DemandCurves(segments, run.seed)
    rows: list[dict[str, Any]] = []
    knots: list[NDArray] = []
    count, highest = 0, 0.0

    def add_knots(row: dict[str, Any], times: Times, totals: Times) -> None:
        nonlocal count, highest
        row.update(first=count, at=count, count=len(times))
        knots.append(_knots(times, totals))
        count += len(times)
        gaps = np.diff(times)
        if len(totals) > 1 and totals[-1] > 0:
            highest += float(np.max(np.diff(totals)[gaps > 1e-6] / gaps[gaps > 1e-6], initial=0.0))

    for name, source in run.platform.sources.items():
        row: dict[str, Any] = {
            "endpoint": index.endpoints.index(source.call), "priority": source.priority, "batch": source.batch,
            "user": source.user == "random", "item_id": source.item == "random",
            "salt": salt("source", name, str(run.seed)),
        }  # fmt: skip
        if source.every is not None:
            row.update(kind=names.SOURCE_EVERY, every=source.every)
            highest += source.batch / source.every
        elif source.at or source.file is not None:
            times = np.sort(np.array(source.at)) if source.at else _recorded(source, name)
            times = times[times >= begin_s]
            row["kind"] = names.SOURCE_TIMES
            add_knots(row, times, np.zeros_like(times))
            row["count"] = len(times)
        else:

            def what_acts(r: Run, name: str = name) -> object:
                return r.platform.sources[name], r.demand

            begins = _changes(segments, what_acts)

            def rate(t: Times, change: int, name: str = name, begins: list[int] = begins) -> Times:
                now = segments[begins[change]][1].platform.sources[name]
                level = curves.at(t, begins[change]) if now.follow_demand else 1.0
                return now.rate * level + _spike_rate(now, t)

            def rate_bends(change: int, name: str = name, begins: list[int] = begins) -> list[float]:
                acting = segments[begins[change]][1]
                now = acting.platform.sources[name]
                return _spike_edges(now) + (bends(acting.demand, begin_s, until_s) if now.follow_demand else [])

            row["kind"] = names.SOURCE_POISSON
            boundaries = [segments[k][0] for k in begins[1:]]
            add_knots(row, *integrated(rate, boundaries, begin_s, until_s, rate_bends))
        rows.append(row)
    users = run.platform.users
    if users is not None and users.arrivals == "sessions":

        def what_starts(r: Run) -> object:
            return r.platform.users and r.platform.users.sessions, r.demand

        begins = _changes(segments, what_starts)

        def session_rate(t: Times, change: int) -> Times:
            now = segments[begins[change]][1].platform.users
            assert now is not None
            return now.sessions.rate * curves.at(t, begins[change])

        def session_bends(change: int) -> list[float]:
            return bends(segments[begins[change]][1].demand, begin_s, until_s)

        row = {"kind": names.SOURCE_SESSIONS, "salt": salt("sessions", str(run.seed))}
        before = highest
        boundaries = [segments[k][0] for k in begins[1:]]
        add_knots(row, *integrated(session_rate, boundaries, begin_s, until_s, session_bends))
        mean = sum(kind.share * kind.requests for kind in users.sessions.types.values())
        highest = before + (highest - before) * mean
        rows.append(row)
    arrays = {
        "sources": _array(rows, SOURCE),
        "knots": np.concatenate(knots) if knots else np.zeros(1, KNOT),
    }
    return arrays, highest
