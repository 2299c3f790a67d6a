"""Nothing is lost and nothing appears: at every window, on the case study and on random platforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from reference.platforms import deterministic_runs, random_runs
from support import totals

from .bookkeeping import booked, drained
from .streamflow import composed

SOME = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def without_warmup(mapping: dict[str, Any]) -> dict[str, Any]:
    return {**mapping, "start": 0, "warmup": 0}


@pytest.mark.parametrize("scenario", ["none", "f4_engine_half"])
def test_the_books_of_the_case_study(scenario: str) -> None:
    # the worst minutes of the evening, begun cold, with the trouble that the scenario brings
    simulation, books = booked(composed(scenario=scenario, users=200_000, minutes=6))
    assert books.sums["users_requests"].sum() > 1000
    books.little()
    assert drained(simulation, 7200)


@pytest.mark.parametrize("runs", [random_runs, deterministic_runs])  # without chance events at the same time abound
def test_the_books_of_platforms(runs: Callable[[], SearchStrategy[dict[str, Any]]]) -> None:
    ends: list[bool] = []

    @SOME
    @given(runs())
    def books(mapping: dict[str, Any]) -> None:
        simulation, _ = booked(without_warmup(mapping))
        ends.append(drained(simulation, 3600))

    books()
    assert np.mean(ends) > 0.9


def test_a_limiter_passes_or_refuses_each_that_asks() -> None:
    services = {
        "s": {
            "limiters": {"gate": {"kind": "token_bucket", "rate": "50/s", "burst": 3}},
            "endpoints": {"get": {"steps": [{"pass": "gate"}]}},
        }
    }
    result = totals({
        "platform": {"name": "p", "services": services, "sources": {"in": {"call": "s.get", "rate": "80/s"}}},
        "until": "100 s",
    })  # fmt: skip
    passed, refused = result["limiter_passed"]["s.gate"], result["limiter_refused"]["s.gate"]
    assert passed + refused == result["endpoint_arrivals"]["s.get"]
    assert (passed, refused) == tuple(result["endpoint_outcomes"]["s.get"][o] for o in ("ok", "throttled"))
    # 3 at first, then 50/s: never more than 3 + 100·50
    assert 0.9 * 5000 < passed <= 5003


def test_work_of_zombies_is_wasted_work() -> None:
    # a call of 30 ms is given up after 10 ms, once a second: 20 ms as a zombie; its use began before and counts whole
    services = {
        "a": {"endpoints": {"get": {"steps": [{"call": "b.get", "timeout": "10 ms"}]}}},
        "b": {
            "stations": {"x": {"servers": 1}},
            "endpoints": {"get": {"steps": [{"use": "x", "time": "30 ms"}, {"use": "x", "time": "5 ms"}]}},
        },
    }
    result = totals({
        "platform": {"name": "p", "services": services, "sources": {"in": {"call": "a.get", "every": "1 s"}}},
        "until": "10.5 s",
    })  # fmt: skip
    assert result["endpoint_outcomes"]["a.get"]["timeout"] == 10
    assert result["endpoint_outcomes"]["b.get"]["ok"] == 10
    assert result["endpoint_wasted"] == {"a.get": 0, "b.get": 10}
    assert result["station_wasted"]["b.x"] == pytest.approx(10 * 0.035)
    assert result["station_busy"]["b.x"] == pytest.approx(10 * 0.035)


def test_work_of_the_cancelled_is_wasted_work() -> None:
    # cancelled after 10 of 30 ms: 10 ms of work are wasted, and none is done afterwards
    call = {"call": "b.get", "timeout": "10 ms", "cancel": True}
    services = {
        "a": {"endpoints": {"get": {"steps": [call]}}},
        "b": {"stations": {"x": {"servers": 1}}, "endpoints": {"get": {"steps": [{"use": "x", "time": "30 ms"}]}}},
    }
    result = totals({
        "platform": {"name": "p", "services": services, "sources": {"in": {"call": "a.get", "every": "1 s"}}},
        "until": "10.5 s",
    })  # fmt: skip
    assert result["endpoint_outcomes"]["b.get"]["cancelled"] == 10
    assert result["station_wasted"]["b.x"] == pytest.approx(0.1)
    assert result["station_busy"]["b.x"] == pytest.approx(0.1)
    assert np.isclose(result["endpoint_time"]["b.get"], 0.1)
