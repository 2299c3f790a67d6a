"""Demand over time: the curve, its level, its breathing; and the integrated rate of a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sfkernels.durations import normal_quantile
from sfkernels.records import KNOT
from sfmodel.plan.recorded import recorded_level, recorded_times
from sfmodel.plan.salts import salt
from sfmodel.schema.demand import Breathing, Demand

DAY_S = 86400.0
MINUTE_S = 60.0
SINE_PARTS = 64
"""Lines in a period of a sine: the rate is off by at most (2π/64)²/8 = 0.12 % of the amplitude."""

Times = NDArray[np.float64]


def _points(demand: Demand, t: Times) -> Times:
    assert demand.points is not None
    at = np.array(sorted(demand.points))
    level = np.array([demand.points[time] for time in at])
    if demand.interpolate == "step":
        return level[np.searchsorted(at, t % DAY_S, side="right") - 1]
    return np.interp(t % DAY_S, at, level, period=DAY_S)


def curve(demand: Demand, t: Times) -> Times:
    """Demand at times t (s since midnight of day 1), shape of t, without breathing."""
    if demand.points is not None:
        level = _points(demand, t)
    elif demand.sine is not None:
        level = 1 + demand.sine.amplitude * np.cos(2 * np.pi * (t - demand.sine.peak_at) / demand.sine.period)
    elif demand.series is not None:
        level = recorded_level(demand.series, t)
    else:
        level = np.ones_like(t)
    return level * demand.level


def bends(demand: Demand, begin_s: float, until_s: float) -> list[float]:
    """Times between which the curve is a line; a sine is nearly one between 64ths of its period."""
    if demand.series is not None:
        return list(recorded_times(demand.series))
    if demand.sine is not None:
        part = demand.sine.period / SINE_PARTS
        return list(part * np.arange(np.floor(begin_s / part), np.ceil(until_s / part) + 1))
    if demand.points is None:
        return []
    of_day = np.array(sorted(demand.points)) % DAY_S
    midnights = DAY_S * np.arange(np.floor(begin_s / DAY_S), np.ceil(until_s / DAY_S))
    times = np.add.outer(midnights, of_day).ravel()
    if demand.interpolate == "linear":
        return list(times)
    rounding = 2 * np.spacing(np.maximum(np.abs(times), DAY_S))  # of a time, and of its time of day
    return [*(times - rounding), *(times + rounding)]


def breathing(noise: Breathing, seed: int, t: Times) -> Times:
    """Factor of the breathing at times t: exp(x − s²/2), x an AR(1) by minute; the factor is joined by lines."""
    if noise.cv == 0:
        return np.ones_like(t)
    before, after = (max(0, int(np.ceil(time / DAY_S))) for time in (-t[0], t[-1]))
    return np.interp(t, *_breaths(noise, seed, before, after))


@lru_cache(maxsize=64)
def _breaths(noise: Breathing, seed: int, before: int, after: int) -> tuple[Times, Times]:
    """Minutes of so many days before and after the first midnight, as times, and the factor at each.

    The path is laid out from that midnight, both ways: a stationary AR(1) looks the same backwards. So whatever begins
    or changes, and whenever, each minute of a seed has the same breath.
    """
    back, forth = (_path(noise, seed, way, days) for way, days in ((-1, before), (1, after)))
    minutes = np.arange(1.0 - len(back), len(forth))
    return minutes * MINUTE_S, np.exp(np.concatenate([back[:0:-1], forth]) - noise.cv**2 / 2)


def _path(noise: Breathing, seed: int, way: int, days: int) -> Times:
    """x from the first midnight, minute by minute forwards (way 1) or backwards (−1)."""
    rho = float(np.exp(-MINUTE_S / noise.correlation))
    scale = noise.cv * np.sqrt(1 - rho * rho)
    x = np.array([noise.cv * _normal(seed, 0)] + [scale * _normal(seed, way * k) for k in range(1, days * 1440 + 1)])
    for k in range(1, len(x)):
        x[k] += rho * x[k - 1]
    return x


def _normal(seed: int, minute: int) -> float:
    u = (int(salt("breathing", str(seed), str(minute))) >> 11) * 2.0**-53 + 2.0**-54
    return float(normal_quantile(u))


def times_of(begin_s: float, until_s: float, extra: Sequence[float] = (), step_s: float = 10.0) -> Times:
    """Knots: every `step_s`, and the given times, from begin to until."""
    regular = np.arange(np.floor(begin_s / step_s), np.ceil(until_s / step_s) + 1) * step_s
    inside = [t for t in extra if begin_s < t < until_s]
    return np.unique(np.concatenate([[begin_s], regular[(regular > begin_s) & (regular < until_s)], inside, [until_s]]))


def integrated(
    rate: Callable[[Times, int], Times],
    boundaries: Sequence[float],
    begin_s: float,
    until_s: float,
    bends_in: Callable[[int], Sequence[float]],
) -> NDArray:
    """Integral of a rate that changes at boundaries, as knots from begin to until.

    `rate(t, stretch)` is per second, and nearly a line over 10 s, but for the times `bends_in(stretch)`. The integral of
    each stretch is laid out over the whole run and then cut, so that what comes later moves nothing before it by a bit.
    """
    edges = [begin_s, *[b for b in boundaries if begin_s < b < until_s], until_s]
    pieces: list[NDArray] = []
    total = 0.0
    for stretch in range(len(edges) - 1):
        if edges[stretch + 1] <= edges[stretch]:
            continue
        whole = _laid_out(rate, stretch, times_of(begin_s, until_s, bends_in(stretch)))
        pieces.append(_cut(whole, edges[stretch], edges[stretch + 1], total))
        total = pieces[-1]["total"][-1]
    if not pieces:
        return at_times(np.array([begin_s]))
    return np.concatenate([*(piece[:-1] for piece in pieces), pieces[-1][-1:]])


def at_times(times: Times) -> NDArray:
    """Knots at these times, their integral 0."""
    knots = np.zeros(len(times), KNOT)
    knots["time"] = times
    return knots


def _laid_out(rate: Callable[[Times, int], Times], stretch: int, t: Times) -> NDArray:
    """The integral from the first of the times t on, as the rate of one stretch would have it."""
    r = rate(t, stretch)
    steps = np.diff(t) * (r[1:] + r[:-1]) / 2
    knots = at_times(t)
    knots["total"][1:] = np.cumsum(steps)
    knots["pace"][:-1] = np.divide(np.diff(t), steps, out=np.zeros(len(steps)), where=steps > 0)
    return knots


def _cut(knots: NDArray, from_s: float, to_s: float, total: float) -> NDArray:
    """The part between two times; its integral begins at `total`."""
    ends = at_times(np.array([from_s, to_s]))
    ends["total"] = np.interp(ends["time"], knots["time"], knots["total"])
    ends["pace"] = knots["pace"][np.searchsorted(knots["time"], ends["time"], side="right") - 1]
    inside = knots[(knots["time"] > from_s) & (knots["time"] < to_s)]
    part = np.concatenate([ends[:1], inside, ends[1:]])
    if part["total"][0] != total:
        part["total"] += total - part["total"][0]
    return part
