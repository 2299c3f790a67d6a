"""What must not change a bit: the tick, the process, the compiler, a mechanism that never acts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from reference.platforms import deterministic_runs, random_runs
from support import simulated, totals

from .bits import assert_same_bits, fingerprint, windows_of
from .streamflow import composed

TESTS = Path(__file__).parents[1]
SOME = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
TICKS = ("0.1 ms", "1 ms", "5 ms", "20 ms")

Mapping = dict[str, Any]


# The tick


def test_the_tick_changes_nothing_in_the_case_study() -> None:
    small = composed(scenario="f4_engine_half", users=20_000, minutes=1)
    expected = windows_of(small)
    assert sum(window["users_requests"].sum() for window in expected) > 100
    for tick in TICKS:
        assert_same_bits(windows_of({**small, "tick": tick}), expected)


@SOME
@given(random_runs())
def test_the_tick_changes_nothing_on_random_platforms(mapping: Mapping) -> None:
    expected = windows_of(mapping)
    for tick in TICKS:
        assert_same_bits(windows_of({**mapping, "tick": tick}), expected)


@SOME
@given(deterministic_runs())
def test_the_tick_changes_nothing_where_much_happens_at_once(mapping: Mapping) -> None:
    expected = windows_of(mapping)
    for tick in TICKS:
        assert_same_bits(windows_of({**mapping, "tick": tick}), expected)


# The process and the compiler

ALL_AT_ONCE: Mapping = {
    "platform": {
        "name": "tiny", "network": "1 ms",
        "content": {"items": 30, "clusters": 4},
        "users": {
            "population": 40, "think": {"exponential": "1 s"}, "patience": "1 s",
            "retry": {"probability": 0.5, "attempts": 2, "after": "0.3 s"},
            "sessions": {"rate": "4/s", "types": {"all": {"requests": 3, "mix": {"page": {"call": "a.get", "weight": 1}}}}},
        },
        "services": {
            "a": {
                "stations": {"cpu": {"servers": 2, "queue": 5, "contention": {"serial": 0.1}, "waiting_cost": 0.1},
                             "pool": {"servers": 4}},
                "caches": {"near": {"key": "item", "ttl": "2 s", "of": "b", "coalesce": True, "stale_for": "1 s"}},
                "limiters": {"gate": {"kind": "gcra", "rate": "20/s", "burst": 4}},
                "endpoints": {"get": {"hold": "pool", "steps": [
                    {"pass": "gate", "on_throttled": "continue"},
                    {"use": "cpu", "time": {"lognormal": {"mean": "40 ms", "cv": 1}}},
                    {"lookup": "near", "on_miss": [
                        {"call": "b.get", "timeout": "150 ms", "hedge": {"after": "60 ms"},
                         "retries": {"attempts": 3, "base": "10 ms", "jitter": "full", "budget": {"ratio": 0.5}},
                         "breaker": {"window": "5 calls", "minimum_calls": 3, "open_for": "1 s", "half_open_calls": 1}},
                        {"store": "near"}]},
                    {"fork": [[{"sleep": {"gamma": {"mean": "10 ms", "cv": 1.5}}}], [{"call": "b.get"}]], "join": "first"},
                    {"publish": "b.jobs"},
                ]}},
            },
            "b": {
                "replicas": 2, "balancer": "two_choices", "health_check": {"every": "0.5 s", "unhealthy_after": 1},
                "memory": {"limit": "8 kB"},
                "stations": {"disk": {"servers": 1, "patience": {"exponential": "0.2 s"}, "order": "priority"}},
                "queues": {"jobs": {"handler": "handle", "batch": 3, "linger": "0.2 s"}},
                "endpoints": {
                    "get": {"steps": [{"use": "disk", "time": {"hyperexponential": {"mean": "30 ms", "cv": 2}}},
                                      {"fail": "error", "with_probability": 0.2}]},
                    "handle": {"steps": [{"use": "disk", "time": "5 ms", "per_message": "3 ms"}]},
                },
            },
        },
    },
    "until": "8 s", "window": "1 s",
    "scenario": {"events": [{"at": "3 s", "for": "2 s", "set": {"services.b.down": [0]}}]},
}  # fmt: skip
"""A few of everything."""


def fingerprint_elsewhere(mapping: Mapping, **environment: str) -> str:
    """Run in a process of its own."""
    code = (
        "import json, sys; from system.bits import fingerprint, windows_of;"
        "print(fingerprint(windows_of(json.load(sys.stdin))))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], input=json.dumps(mapping), cwd=TESTS, text=True,
        capture_output=True, env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_same_seed_gives_the_same_bits_in_another_process() -> None:
    here = fingerprint(windows_of(ALL_AT_ONCE))
    assert fingerprint_elsewhere(ALL_AT_ONCE, PYTHONHASHSEED="7") == here
    assert fingerprint(windows_of({**ALL_AT_ONCE, "seed": 2})) != here


def test_the_compiler_changes_nothing() -> None:
    # every value of every window, with kernels run as plain Python
    windows = windows_of(ALL_AT_ONCE)
    assert sum(w["users_requests"].sum() for w in windows) > 30
    acted = (
        "call_hedges",
        "call_retries",
        "call_open",
        "cache_hits",
        "cache_evictions",
        "limiter_refused",
        "queue_batches",
    )
    for name in acted:
        assert sum(w[name].sum() for w in windows) > 0, f"{name}: this platform should show it"
    assert fingerprint_elsewhere(ALL_AT_ONCE, NUMBA_DISABLE_JIT="1") == fingerprint(windows)


# Mechanisms that never act


def two_services(call: Mapping | None = None, station: Mapping | None = None, **endpoint: Any) -> Mapping:
    """A caller with chance of its own, a callee with a queue."""
    return {
        "platform": {
            "name": "two", "content": {"items": 50}, "network": "1 ms", "counters": {"left": {}, "right": {}},
            "users": {
                "population": 100, "think": {"exponential": "1 s"},
                "sessions": {"rate": "10/s", "types": {"all": {"requests": 4, "mix": {
                    "one": {"call": "a.get", "weight": 2}, "two": {"call": "a.other", "weight": 1}}}}},
            },
            "services": {
                "a": {
                    "stations": {"cpu": {"servers": "unlimited"}},
                    "caches": {"near": {"key": "item", "ttl": "10 h"}},
                    "endpoints": {
                        "get": {"steps": [
                            {"use": "cpu", "time": {"exponential": "10 ms"}},
                            {"lookup": "near", "on_miss": [{"store": "near"}]},
                            {"call": "b.get", **(call or {})},
                        ], **endpoint},
                        "other": {"steps": [{"use": "cpu", "time": {"gamma": {"mean": "20 ms", "cv": 1}}}]},
                    },
                },
                "b": {
                    "stations": {"disk": {"servers": 2, **(station or {})}, "delay": {"servers": "unlimited"}},
                    "endpoints": {"get": {"steps": [
                        {"use": "disk", "time": {"lognormal": {"mean": "20 ms", "cv": 1}}},
                        {"use": "delay", "time": {"exponential": "5 ms"}},
                        {"choose": [{"probability": 0.3, "do": [{"count": "left"}]},
                                    {"probability": 0.7, "do": [{"count": "right"}]}]},
                        {"fail": "error", "with_probability": 0.01},
                    ]}},
                },
            },
        },
        "until": "60 s", "window": "5 s",
    }  # fmt: skip


NEVER = {
    "a breaker that never opens": {"breaker": {"failure_rate": 1, "minimum_calls": 100}},
    "a timeout that never ends": {"timeout": "1 h"},
    "a deadline that is never reached": {"deadline": "1 h"},
    "a deadline that is told": {"deadline": "1 h", "propagate": True},
    "a hedge that is never sent": {"hedge": {"after": "1 h"}},
    "cancelling that never happens": {"timeout": "1 h", "cancel": True},
    "retries of what never happens": {"retries": {"attempts": 5, "on": ["rejected"], "jitter": "full"}},
    "a budget that is never used": {"retries": {"attempts": 5, "on": ["rejected"], "budget": {"ratio": 0.1}}},
}
WAITING = {
    "patience without end": {"patience": "10 h"},
    "patience that is long and drawn": {"patience": {"exponential": "1000 h"}},
    "a queue limit out of reach": {"queue": 100_000},
    "expired tasks that never are": {"drop_expired": True},
    "contention of nobody": {"contention": {"serial": 0, "crosstalk": 0}},
    "priorities that are all one": {"order": "priority"},
    "a waiting cost without waiters": {"waiting_cost": 0.2},
}


@pytest.fixture(scope="module")
def plain() -> list[dict[str, np.ndarray]]:
    return windows_of(two_services())


def all_but_breakers(windows: list[dict[str, np.ndarray]]) -> list[str]:
    return [name for name in windows[0] if name != "breaker_state"]


@pytest.mark.parametrize("name", NEVER)
def test_a_mechanism_of_calls_that_never_acts_changes_nothing(name: str, plain: list[dict[str, np.ndarray]]) -> None:
    assert sum(w["call_outcomes"][0, 6] for w in plain) > 0  # errors there are
    assert_same_bits(windows_of(two_services(call=NEVER[name])), plain, all_but_breakers(plain))


@pytest.mark.parametrize("name", WAITING)
def test_a_mechanism_of_stations_that_never_acts_changes_nothing(name: str, plain: list[dict[str, np.ndarray]]) -> None:
    assert sum(w["station_wait"].sum() for w in plain) > 0.1  # some waiting there is
    assert_same_bits(windows_of(two_services(station=WAITING[name])), plain)


def test_a_scenario_that_sets_what_is_there_changes_nothing(plain: list[dict[str, np.ndarray]]) -> None:
    event = {"at": "7 s", "for": "20 s", "set": {"services.b.stations.disk.servers": 2, "network": "1 ms"}}
    assert_same_bits(windows_of({**two_services(), "scenario": {"events": [event]}}), plain)


def test_other_windows_find_the_same_totals() -> None:
    a, b = two_services(), {**two_services(), "window": "0.7 s"}
    first, second = totals(a), totals(b)
    for name in ("endpoint_outcomes", "station_arrivals", "users_requests", "cache_misses", "call_attempts"):
        assert first[name] == second[name]


def test_traces_change_nothing(plain: list[dict[str, np.ndarray]]) -> None:
    assert_same_bits(windows_of({**two_services(), "trace": {"one_in": 2}}), plain)


# One service at another speed


def test_the_speed_of_a_service_moves_no_other_draw() -> None:
    # Sessions start for a minute, then all is answered. The requests, their kinds and items, the branches taken and the
    # service times elsewhere belong to the request, so they are the same; only when they happen differs.
    def stretched(speed: float) -> Mapping:
        mapping = two_services()
        mapping["platform"]["services"]["a"]["stations"]["cpu"]["speed"] = speed
        stop = {"at": "60 s", "set": {"demand.level": 0}}
        return totals({**mapping, "until": "400 s", "window": "400 s", "scenario": {"events": [stop]}})

    fast, slow = stretched(1), stretched(0.2)
    assert fast["users_thinking"] == slow["users_thinking"] == 0
    for name in (
        "users_requests",
        "users_outcomes",
        "sessions_started",
        "cache_misses",
        "cache_entries",
        "left",
        "right",
    ):
        assert fast[name] == slow[name], name
    # the delay's servers never run out: its busy time is the sum of all draws there
    for station in ("b.delay", "b.disk"):
        assert fast["station_busy"][station] == pytest.approx(slow["station_busy"][station], rel=1e-9)
    assert slow["station_busy"]["a.cpu"] == pytest.approx(5 * fast["station_busy"]["a.cpu"], rel=1e-9)
    assert fast["station_wait"]["b.disk"] != slow["station_wait"]["b.disk"]


# Saying how far the warm-up is


def test_a_report_of_the_warm_up_changes_nothing() -> None:
    changes = [
        {"at": "90 s", "for": "5 min", "scale": {"network": 3}},
        {"at": "2 min", "for": "70 s", "set": {"services.b.down": [0]}},
    ]
    mapping = {**ALL_AT_ONCE, "start": "8 min", "warmup": "7.3 min", "until": "9 min", "scenario": {"events": changes}}
    seen: list[float] = []
    assert_same_bits(simulated(mapping, seen.append)[1], windows_of(mapping))
    assert seen == pytest.approx([42 + 60 * k for k in range(8)] + [480])
