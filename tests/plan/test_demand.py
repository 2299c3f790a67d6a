"""Demand over time: one breath for each minute of a seed, whatever begins or changes, and whenever."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import simulated

from sfmodel.plan.arrivals import DemandCurves
from sfmodel.schema import parse_run
from sfmodel.schema.scenario_segments import segments

USERS = {"population": 100, "sessions": {"rate": "1/min", "types": {"all": {
    "requests": 1, "mix": {"page": {"call": "a.get", "weight": 1}}}}}}  # fmt: skip
PLATFORM = {"name": "demand", "services": {"a": {"endpoints": {"get": {}}}}, "users": USERS}
BREATHING = {"cv": 0.2, "correlation": "2 h"}
DAY_S = 86400.0


def run(start: str, until: str, **more: Any) -> dict[str, Any]:
    demand = {"breathing": BREATHING, **more.pop("demand", {})}
    return {"platform": PLATFORM, "demand": demand, "start": start, "until": until, "window": "10 min", **more}


def demand_of(mapping: dict[str, Any]) -> DemandCurves:
    parsed = parse_run(mapping)
    return DemandCurves(segments(parsed), parsed.seed)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(run("18:00", "24:00"), id="starts later"),
        pytest.param(run("15:30", "26:00"), id="ends on day 2"),
        pytest.param(run("00:10", "24:00", warmup="20 min"), id="begins before day 1"),
        pytest.param(run("19:00", "24:00", warmup="50 h"), id="warms up for days"),
    ],
)
def test_each_minute_of_a_seed_has_its_breath(other: dict[str, Any]) -> None:
    t = np.arange(20 * 3600, 21 * 3600, 7.5)
    here = demand_of(run("15:30", "24:00")).over(t)
    since = parse_run(other).start - parse_run(other).warmup
    earlier = np.arange(since, t[0], 60)
    there = demand_of(other).over(np.concatenate([earlier, t]))[len(earlier) :]
    np.testing.assert_array_equal(there, here)
    assert np.ptp(here) > 0.1
    assert (demand_of({**other, "seed": 2}).over(t) != here).all()


def test_a_change_after_midnight_changes_no_breath() -> None:
    # a quarter of an hour after midnight demand doubles, for half an hour
    changed = run("23:00", "25:30", scenario={"events": [{"at": "24:15", "for": "30 min", "set": {"demand.level": 2}}]})
    t = np.arange(23 * 3600, 25.5 * 3600, 7.5)
    doubled = (t >= DAY_S + 900) & (t < DAY_S + 2700)
    expected = demand_of(run("23:00", "25:30")).over(t) * np.where(doubled, 2, 1)
    np.testing.assert_array_equal(demand_of(changed).over(t), expected)


@pytest.mark.parametrize("until", ["24:00", "24:05", "25:00"])
def test_the_demand_of_the_last_window_is_that_of_its_end(until: str) -> None:
    simulation, windows = simulated(run("23:00", until))
    ends = np.append(np.arange(23 * 3600 + 600, simulation.run.until, 600), simulation.run.until)
    expected = demand_of(run("22:00", "48:00")).over(ends)
    np.testing.assert_array_equal([window["demand"] for window in windows], expected)


def test_breaths_are_joined_by_lines_across_midnight() -> None:
    t = DAY_S + np.array([-60, -45, 0, 15, 60])
    before, between, at, after, next_minute = demand_of(run("23:00", "25:00")).over(t)
    assert between == pytest.approx(0.75 * before + 0.25 * at, rel=1e-12)
    assert after == pytest.approx(0.75 * at + 0.25 * next_minute, rel=1e-12)
