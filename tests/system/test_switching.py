"""Interventions that are switched on during a run: nothing changes before, what is under way goes on, what is new begins."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from reference.platforms import deterministic_runs, random_runs
from support import simulated

from sfmodel.errors import ConfigError
from sfmodel.plan import build_plan
from sfmodel.results.variables import VARIABLES
from sfmodel.schema import parse_run

from .bits import assert_same_bits, windows_of
from .bookkeeping import booked
from .test_invariance import ALL_AT_ONCE

SOME = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SWITCH_S = 3.37
NOTHING = {"title": "Another"}
"""A switch that moves nothing; integrals are summed up at it as at any, which may round otherwise than without."""

Mapping = dict[str, Any]

MUCH: Mapping = {
    "counters.saved": {"title": "Saved"},
    "services.b.replicas": 4,
    "services.a.stations.gpu": {"servers": 1, "shedding": {"queuing": "1 ms", "every": "0.3 s"}},
    "services.a.stations.cpu.scaling": {"min": 1, "max": 6, "target": 0.5, "every": "0.5 s", "start_delay": "0.3 s"},
    "services.a.health_check": {"every": "0.4 s"},
    "services.a.caches.far": {"key": "user", "ttl": "3 s", "of": "c"},
    "services.a.limiters.user": {"kind": "token_bucket", "rate": "2/s", "burst": 5, "key": "user"},
    "services.a.endpoints.get": {"hold": "pool", "steps": [
        {"pass": "user", "on_throttled": "continue"},
        {"lookup": "far", "on_hit": [{"count": "saved"}], "on_miss": [
            {"call": "c.get", "timeout": "100 ms", "breaker": {"window": "1 s", "minimum_calls": 3, "open_for": "1 s"},
             "retries": {"attempts": 2, "base": "5 ms", "budget": {"ratio": 0.1}}, "on_failure": "continue"},
            {"store": "far"}]},
        {"use": "gpu", "time": "10 ms"},
        {"call": "b.get", "timeout": "150 ms", "throttle": {"k": 1.1, "window": "2 s"}, "on_failure": "continue"},
        {"publish": "c.jobs"},
    ]},
    "services.c": {
        "replicas": 2, "memory": {"limit": "64 kB"}, "health_check": {"every": "0.3 s"},
        "stations": {"cpu": {"servers": 1, "adaptive": {"min": 1, "max": 4, "every": "0.5 s", "samples": 2}}},
        "queues": {"jobs": {"handler": "handle", "consumers": 2}},
        "endpoints": {"get": {"steps": [{"use": "cpu", "time": {"exponential": "20 ms"}}]},
                      "handle": {"steps": [{"use": "cpu", "time": "1 ms"}]}},
    },
    "sources.warming": {"call": "c.get", "every": "0.25 s"},
    "sources.bursts": {"call": "c.get", "at": ["2 s", "5 s"], "batch": 3},
    "sources.more": {"call": "b.get", "rate": "3/s"},
}  # fmt: skip
"""Keys of ALL_AT_ONCE's platform, and what they become: something new of each kind."""


def switched(mapping: Mapping, changes: Mapping, at_s: float | None = SWITCH_S) -> Mapping:
    """The run with these keys changed from a time on; none: from the beginning."""
    when = {} if at_s is None else {"switch_on": f"{at_s} s"}
    return {**mapping, **when, "intervention": {"it": {"changes": [{"set": changes}]}}}


def idle(mapping: Mapping) -> Mapping:
    """A station more for each service, which nobody uses: all that there is moves, and nothing else happens."""
    return {f"services.{name}.stations.idle": {"servers": 1} for name in mapping["platform"]["services"]}


def alike(found: list[Mapping], expected: list[Mapping], mapping: Mapping, changes: Mapping) -> None:
    """Assert the same bits for all that both runs have."""
    labels = [build_plan(parse_run(one)).labels for one in (switched(mapping, changes), mapping)]
    for k, (mine, other) in enumerate(zip(found, expected, strict=True)):
        for name, value in other.items():
            same = np.asarray(mine[name])
            for axis, dim in enumerate(VARIABLES[name].dims if name in VARIABLES else ()):
                if dim in labels[0]:
                    same = same.take([labels[0][dim].index(label) for label in labels[1][dim]], axis)
            assert same.tobytes() == np.asarray(value).tobytes(), f"window {k}: {name} differs"


def test_nothing_changes_before() -> None:
    before, after = windows_of(ALL_AT_ONCE), windows_of(switched(ALL_AT_ONCE, {"services.b.stations.disk.servers": 3}))

    assert_same_bits(after[:3], before[:3])
    assert (after[4]["station_servers"] == 3).sum() == (before[4]["station_servers"] == 3).sum() + 2


def test_what_is_new_is_empty_before() -> None:
    changed = switched(ALL_AT_ONCE, MUCH)
    simulation, windows = simulated(changed)
    labels = simulation.plan.labels
    calls = labels["call"].index("a.get>c.get")

    assert labels["service"] == ["a", "b", "c"]
    for window in windows[:3]:
        assert window["service_up"].tolist() == [1, 2, 0]
        assert window["breaker_state"][calls] == -1
        for station in ("a.gpu", "b.disk#3", "c.cpu#0"):
            assert window["station_servers"][labels["station"].index(station)] == 0
        assert window["saved"] == window["endpoint_arrivals"][labels["endpoint"].index("c.get")] == 0
    last = {name: sum(window[name] for window in windows[4:]) for name in windows[0]}
    for station in ("a.gpu", "b.disk#2", "b.disk#3", "c.cpu#0", "c.cpu#1"):
        assert last["station_ends"][labels["station"].index(station)] > 0
    assert last["saved"] == last["cache_hits"][labels["cache"].index("a.far")] > 0
    assert last["queue_delivered"][labels["queue"].index("c.jobs")] > 0
    assert last["limiter_passed"][labels["limiter"].index("a.user")] > 0
    assert last["call_attempts"][calls] > 0
    assert windows[-1]["service_up"].tolist() == [1, 4, 2]
    assert windows[-1]["breaker_state"][calls] >= 0


def test_before_is_as_without_also_where_much_is_new() -> None:
    before, after = windows_of(ALL_AT_ONCE), windows_of(switched(ALL_AT_ONCE, MUCH))
    alike(after[:3], before[:3], ALL_AT_ONCE, MUCH)


def test_sources_begin_with_the_switch() -> None:
    simulation, windows = simulated(switched(ALL_AT_ONCE, {**MUCH, "services.a.endpoints.get": {"steps": []}}))
    place = simulation.plan.labels["endpoint"].index("c.get")
    arrivals = [int(window["endpoint_arrivals"][place]) for window in windows]

    # every 0.25 s from 3.37 s on; three at 5 s, those of 2 s were before the switch; each window takes in its beginning
    assert arrivals == [0, 0, 0, 2, 4, 7, 4, 4]


def test_books_balance_over_the_switch() -> None:
    booked(switched(ALL_AT_ONCE, MUCH))


@pytest.mark.parametrize("tick", ["0.1 ms", "5 ms", "20 ms"])
def test_the_tick_changes_nothing(tick: str) -> None:
    changed = switched(ALL_AT_ONCE, MUCH)
    assert_same_bits(windows_of({**changed, "tick": tick}), windows_of(changed))


def test_from_the_beginning_is_from_the_beginning() -> None:
    assert_same_bits(windows_of(switched(ALL_AT_ONCE, MUCH, 0.0)), windows_of(switched(ALL_AT_ONCE, MUCH, None)))


def test_what_is_the_same_changes_nothing() -> None:
    assert_same_bits(windows_of(switched(ALL_AT_ONCE, {"services.a.stations.cpu.servers": 2})), windows_of(ALL_AT_ONCE))


@SOME
@given(random_runs())
def test_a_move_changes_nothing_on_random_platforms(mapping: Mapping) -> None:
    changes = idle(mapping)
    alike(windows_of(switched(mapping, changes)), windows_of(switched(mapping, NOTHING)), mapping, changes)


@SOME
@given(deterministic_runs())
def test_a_move_changes_nothing_where_much_happens_at_once(mapping: Mapping) -> None:
    changes = idle(mapping)
    alike(windows_of(switched(mapping, changes, 4.0)), windows_of(switched(mapping, NOTHING, 4.0)), mapping, changes)


def test_a_replica_that_starts_moves_too() -> None:
    mapping = copy.deepcopy(ALL_AT_ONCE)
    mapping["platform"]["services"]["b"]["start_delay"] = "2 s"
    mapping["scenario"] = {"events": [{"at": "1 s", "for": "1 s", "set": {"services.b.down": [0]}}]}
    changes = idle(mapping)
    expected = windows_of(mapping)

    assert [int(window["service_up"][1]) for window in expected[:5]] == [2, 1, 1, 1, 2]
    alike(windows_of(switched(mapping, changes)), expected, mapping, changes)


ORDERS: list[Mapping] = [
    {"services.b.stations.disk.order": "fifo"},
    {"services.b.stations.disk.order": "lifo"},
    {"services.a.stations.cpu.order": "lifo", "services.a.stations.pool.order": "priority"},
    {"services.b.queues.jobs.order": "priority"},
]


@pytest.mark.parametrize("changes", ORDERS, ids=str)
def test_another_order_is_that_of_those_who_wait_too(changes: Mapping) -> None:
    busy = copy.deepcopy(ALL_AT_ONCE)
    busy["platform"]["users"]["sessions"]["rate"] = "12/s"
    busy["platform"]["services"]["a"]["stations"]["cpu"]["queue"] = 30
    busy["platform"]["sources"] = {
        f"level{k}": {"call": call, "rate": "8/s", "priority": k}
        for k, call in enumerate(("a.get", "b.get", "b.get", "a.get"))
    }
    changed = switched(busy, changes)

    _, books = booked(changed)

    assert books.sums["station_queue_max"].max() > 5
    assert_same_bits(windows_of({**changed, "tick": "20 ms"}), windows_of(changed))
    assert windows_of(changed)[-1]["endpoint_time"].tobytes() != windows_of(busy)[-1]["endpoint_time"].tobytes()


def test_those_who_wait_are_served_in_the_new_order() -> None:
    # ten of each priority wait for one server, 0.1 s each, from 0 s on; from 1.05 s on by priority, or the newest first: those of
    # the highest priority are the newest, too
    sources = {
        f"level{k}": {"call": "a.get", "at": [f"{0.001 * (4 - k):g} s"], "batch": 10, "priority": k} for k in range(4)
    }
    service = {"stations": {"cpu": {"servers": 1}}, "endpoints": {"get": {"steps": [{"use": "cpu", "time": "0.1 s"}]}}}
    mapping: Mapping = {"platform": {"name": "x", "services": {"a": service}, "sources": sources},
                        "until": "5 s", "trace": {"one_in": 1}}  # fmt: skip
    order = {}
    for name in ("fifo", "lifo", "priority"):
        simulation, _ = simulated(switched(mapping, {"services.a.stations.cpu.order": name}, 1.05))
        spans = np.sort(simulation.spans, order="ended")
        order[name] = [4 - round(1000 * start) for start in spans["start"]]

    assert order["fifo"] == [3] * 10 + [2] * 10 + [1] * 10 + [0] * 10
    # ten of the first to come are done, one of the next is in service
    assert order["lifo"] == [3] * 10 + [2] + [0] * 10 + [1] * 10 + [2] * 9
    assert order["priority"] == [3] * 10 + [2] + [0] * 10 + [1] * 10 + [2] * 9


def test_events_act_on_what_was_switched_on() -> None:
    mapping = {
        **ALL_AT_ONCE,
        "scenario": {"events": [{"at": "5 s", "scale": {"services.a.endpoints.get.steps.1.time": 10}}]},
    }
    slow = windows_of(switched(mapping, {"services.b.replicas": 3}))
    quick = windows_of(switched(ALL_AT_ONCE, {"services.b.replicas": 3}))
    assert slow[-1]["station_busy"][0] > quick[-1]["station_busy"][0]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"content.clusters": 5}, r"switch_on: .* platform\.content, .* cannot change during a run"),
        ({"users.population": 50}, "switch_on: .* the population, the arrivals"),
        (
            {"users.sessions.types.all.mix.more": {"call": "a.get", "weight": 1}},
            "switch_on: .* the classes of platform.users",
        ),
    ],
)
def test_what_cannot_change_during_a_run_is_refused(changes: Mapping, expected: str) -> None:
    build_plan(parse_run(switched(ALL_AT_ONCE, changes, None)))
    with pytest.raises(ConfigError, match=expected):
        build_plan(parse_run(switched(ALL_AT_ONCE, changes)))


def test_autoscaling_cannot_be_taken_away_during_a_run() -> None:
    mapping = copy.deepcopy(ALL_AT_ONCE)
    mapping["platform"]["services"]["a"]["stations"]["cpu"]["scaling"] = MUCH["services.a.stations.cpu.scaling"]
    with pytest.raises(ConfigError, match=r"take away the autoscaling of a\.cpu"):
        build_plan(parse_run(switched(mapping, {"services.a.stations.cpu.scaling": None})))
