"""The integral of a source's rate against formulas: exact where the demand is made of lines and steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import simulated

from sfkernels.sources import next_time
from sfmodel.plan import build_plan
from sfmodel.schema import parse_run

Times = NDArray[np.float64]
DAY_S = 86400.0
# s of the day, and the demand from then on, or at that time; none of them on a grid of 10 s
AT = np.array([0, 67.3, 153.1, 86390.7])
LEVEL = np.array([1, 4, 0.5, 2])
POINTS = {"00:00": 1, "00:01:07.3": 4, "00:02:33.1": 0.5, "23:59:50.7": 2}


def mapping_of(demand: dict[str, Any], start: str = "00:00", until: str = "00:10", **more: Any) -> dict[str, Any]:
    source = {"call": "a.get", "rate": more.pop("rate", "10/s"), "follow_demand": True}
    platform = {"name": "arrivals", "services": {"a": {"endpoints": {"get": {}}}}, "sources": {"in": source}}
    return {"platform": platform, "demand": demand, "start": start, "until": until, **more}


def knots_of(mapping: dict[str, Any]) -> tuple[Times, Times]:
    """Times since midnight of day 1, and the integral."""
    plan = build_plan(parse_run(mapping))
    return plan.arrays["knots"]["time"] - plan.shift_s, plan.arrays["knots"]["total"]


def arrivals_of(mapping: dict[str, Any]) -> Times:
    """When the source's arrivals are, to the bit, s since midnight of day 1."""
    arrays = build_plan(parse_run(mapping)).arrays
    sources = arrays["sources"].copy()
    with np.errstate(over="ignore"):
        found = [next_time(sources, arrays["knots"], 0, 0.0) for _ in range(20_000)]
    return np.array([time for time in found if time < np.inf])


def integral_of_steps(begin_s: float, t: Times) -> Times:
    """Of 10/s times the demand from begin to t."""
    at = np.concatenate([AT + day * DAY_S for day in range(-1, 3)])
    lengths = np.diff(np.append(at, 3 * DAY_S))
    inside = [np.clip(x - at, 0, lengths) - np.clip(begin_s - at, 0, lengths) for x in t]
    return 10 * np.array(inside) @ np.tile(LEVEL, 4)


@pytest.mark.parametrize(
    ("start", "until", "warmup"),
    [
        pytest.param("00:00", "00:10", "0 s", id="from midnight"),
        pytest.param("00:01:02", "00:02:31", "3 s", id="within minutes"),
        pytest.param("23:58", "24:05", "0 s", id="into day 2"),
        pytest.param("00:01", "00:05", "3 min", id="from before day 1"),
    ],
)
def test_the_integral_of_a_demand_in_steps_is_exact(start: str, until: str, warmup: str) -> None:
    mapping = mapping_of({"points": POINTS, "interpolate": "step"}, start, until, warmup=warmup)
    run = parse_run(mapping)
    times, totals = knots_of(mapping)
    begin_s = run.start - run.warmup
    t = np.linspace(begin_s, run.until, 9973)
    np.testing.assert_allclose(np.interp(t, times, totals), integral_of_steps(begin_s, t), rtol=1e-9, atol=1e-8)


def test_the_integral_of_a_demand_of_lines_is_exact_at_its_points() -> None:
    times, totals = knots_of(mapping_of({"points": POINTS}, until="00:02:33.1"))
    expected = 10 * np.array([0, 67.3 * (1 + 4) / 2, 67.3 * (1 + 4) / 2 + (153.1 - 67.3) * (4 + 0.5) / 2])
    np.testing.assert_allclose(np.interp(AT[:3], times, totals), expected, rtol=1e-9)


def test_the_integral_of_a_recorded_series_is_exact_at_its_times(tmp_path: Path) -> None:
    file = tmp_path / "series.csv"
    file.write_text("timestamp,value\n0,3\n37.5,6\n75,1\n112.5,2\n150,2\n")
    times, totals = knots_of(
        mapping_of({"series": {"file": str(file), "normal": ["00:01:52.5", "00:02:30"]}}, until="00:02:30")
    )
    # the values over 2, their mean in the normal hours
    expected = 10 * 37.5 / 2 * np.cumsum([0, (3 + 6) / 2, (6 + 1) / 2, (1 + 2) / 2, (2 + 2) / 2])
    np.testing.assert_allclose(np.interp(np.arange(5) * 37.5, times, totals), expected, rtol=1e-9)


def test_the_integral_of_a_short_sine() -> None:
    # ∫ 10·(1 + 0.5·cos(2π(t − 5)/8)); a chord of a 64th of the period is off by at most (2π/64)²/8 of the amplitude
    times, totals = knots_of(mapping_of({"sine": {"amplitude": 0.5, "peak_at": "00:00:05", "period": "8 s"}}))
    t = np.linspace(0, 600, 9973)
    wave = 8 / (2 * np.pi)
    expected = 10 * t + 5 * wave * (np.sin((t - 5) / wave) + np.sin(5 / wave))
    assert np.abs(np.interp(t, times, totals) - expected).max() < (2 * np.pi / 64) ** 2 / 8 * 5 * 8


@pytest.mark.parametrize("at", ["00:02:00", "00:01:57.3"])
def test_a_change_to_come_moves_no_arrival_before_it(at: str) -> None:
    quiet = mapping_of({"points": POINTS, "breathing": {"cv": 0.1, "correlation": "2 min"}})
    change = {"at": at, "set": {"demand.points.00:01:43.3": 9}}
    changed = {**quiet, "scenario": {"events": [change]}}
    at_s = parse_run(changed).scenario.events[0].at

    before, after = (arrivals_of(mapping) for mapping in (quiet, changed))

    assert (before <= at_s).sum() == (after <= at_s).sum() > 100
    np.testing.assert_array_equal(after[after <= at_s], before[before <= at_s])
    assert len(after) > len(before)


def test_nothing_comes_before_a_step_or_after_the_next() -> None:
    # 1000/s from 67.3 s to 73.7 s: 6400 are expected, a tenth of them in the first 0.64 s; 5 standard deviations
    # are 400 and 127
    points = {"00:00": 0, "00:01:07.3": 1, "00:01:13.7": 0}
    mapping = mapping_of({"points": points, "interpolate": "step"}, "00:01:00.9", "00:01:20.1", rate="1000/s")
    _, windows = simulated({**mapping, "window": "0.64 s"})
    counts = np.array([int(window["endpoint_arrivals"][0]) for window in windows])
    assert len(counts) == 30
    assert counts[:10].sum() == 0
    assert abs(counts[10:20].sum() - 6400) < 400
    assert abs(counts[10] - 640) < 127
    assert abs(counts[19] - 640) < 127
    assert counts[20:].sum() == 0
