"""Sources as records: integrated rates, times, intervals; changes of rates by a scenario are folded in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfkernels import names
from sfkernels.records import KNOT, SOURCE
from sfmodel.errors import ConfigError
from sfmodel.plan.demand import Times, at_times, bends, breathing, curve, integrated
from sfmodel.plan.index import SESSIONS, Index
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
    """Sources and their knots, in the order of the index; and the highest rate of requests per second."""
    run = segments[0][1]
    begin_s, until_s = run.start - run.warmup, run.until
    curves = DemandCurves(segments, run.seed)
    rows: list[dict[str, Any]] = []
    knots: list[NDArray] = []
    count, highest = 0, 0.0

    def add_knots(row: dict[str, Any], more: NDArray) -> float:
        """Add the knots of a source; its highest rate."""
        nonlocal count
        row.update(first=count, at=count, count=len(more))
        knots.append(more)
        count += len(more)
        gaps, steps = np.diff(more["time"]), np.diff(more["total"])
        return float(np.max(steps[gaps > 1e-6] / gaps[gaps > 1e-6], initial=0.0))

    for name in index.sources:
        if name == SESSIONS:
            row = {"kind": names.SOURCE_SESSIONS, "salt": salt("sessions", str(run.seed))}
            users = run.platform.users
            assert users is not None
            mean = sum(kind.share * kind.requests for kind in users.sessions.types.values())
            highest += mean * add_knots(row, _of_sessions(segments, curves, begin_s, until_s))
            rows.append(row)
            continue
        source = next(found for found in (_source(r, name) for _, r in segments) if found is not None)
        row = {
            "endpoint": index.endpoints.index(source.call), "priority": source.priority, "batch": source.batch,
            "user": source.user == "random", "item_id": source.item == "random",
            "salt": salt("source", name, str(run.seed)),
        }  # fmt: skip
        if source.every is not None:
            row.update(kind=names.SOURCE_EVERY, every=source.every)
            highest += source.batch / source.every
        elif source.at or source.file is not None:
            times = np.sort(np.array(source.at)) if source.at else _recorded(source, name)
            row["kind"] = names.SOURCE_TIMES
            add_knots(row, at_times(times[times >= _since(segments, name)]))
        else:
            row["kind"] = names.SOURCE_POISSON
            highest += add_knots(row, _of_source(segments, curves, name, begin_s, until_s))
        rows.append(row)
    arrays = {
        "sources": _array(rows, SOURCE),
        "knots": np.concatenate(knots) if knots else np.zeros(1, KNOT),
    }
    return arrays, highest


def _source(run: Run, name: str) -> Source | None:
    return run.platform.sources.get(name)


def _since(segments: Segments, name: str) -> float:
    """Begin of the first stretch that has the source, s since midnight."""
    return next(time_s for time_s, run in segments if _source(run, name) is not None)


def _of_source(segments: Segments, curves: DemandCurves, name: str, begin_s: float, until_s: float) -> NDArray:
    """Integrated rate of a source; while there is no such source, of none."""
    begins = _changes(segments, lambda run: (_source(run, name), run.demand))

    def rate(t: Times, change: int) -> Times:
        now = _source(segments[begins[change]][1], name)
        if now is None:
            return np.zeros_like(t)
        level = curves.at(t, begins[change]) if now.follow_demand else 1.0
        return now.rate * level + _spike_rate(now, t)

    def rate_bends(change: int) -> list[float]:
        acting = segments[begins[change]][1]
        now = _source(acting, name)
        if now is None:
            return []
        return _spike_edges(now) + (bends(acting.demand, begin_s, until_s) if now.follow_demand else [])

    return integrated(rate, [segments[k][0] for k in begins[1:]], begin_s, until_s, rate_bends)


def _of_sessions(segments: Segments, curves: DemandCurves, begin_s: float, until_s: float) -> NDArray:
    """Integrated rate of users' sessions."""
    begins = _changes(segments, lambda run: (run.platform.users and run.platform.users.sessions, run.demand))

    def rate(t: Times, change: int) -> Times:
        now = segments[begins[change]][1].platform.users
        assert now is not None
        return now.sessions.rate * curves.at(t, begins[change])

    def rate_bends(change: int) -> list[float]:
        return bends(segments[begins[change]][1].demand, begin_s, until_s)

    return integrated(rate, [segments[k][0] for k in begins[1:]], begin_s, until_s, rate_bends)
