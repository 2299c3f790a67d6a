"""Every sampled request leaves its spans, in quiet times too, until the limit."""

from __future__ import annotations

import numpy as np
import pytest

from sfmodel.cli.compose import composed
from sfmodel.engine import Simulation, prepare, simulate
from sfmodel.results.traces import answered_after_s
from sfmodel.schema import parse_run


def traced(*overrides: str) -> Simulation:
    simulation = prepare(parse_run(composed(["platform=mmc", "until=200 s", "warmup=0 s", *overrides])))
    simulate(simulation)
    return simulation


def test_a_quiet_platform_loses_no_span() -> None:
    simulation = traced("trace.one_in=1")
    assert simulation.requests > 10_000
    assert simulation.spans_lost == 0
    assert len(simulation.spans) >= simulation.requests - 100  # all but those in flight


@pytest.mark.parametrize("limit", [0, 500])
def test_what_comes_after_the_limit_is_counted(limit: int) -> None:
    simulation = traced("trace.one_in=1", f"trace.limit={limit}")
    assert len(simulation.spans) == limit
    assert simulation.spans_lost >= simulation.requests - limit - 100


def test_the_warm_up_takes_no_room() -> None:
    simulation = traced("warmup=200 s", "start=300 s", "until=320 s", "trace.one_in=1", "trace.limit=2 k")
    assert simulation.spans_lost == 0
    assert 1200 < len(simulation.spans) < 2000  # 80 a second
    assert simulation.spans["start"].min() >= 300


def test_the_time_in_service_of_a_span_is_what_it_had() -> None:
    # at 1 s one starts, and is cancelled at 1.25 s; the zombie of 2 s serves its whole second after the call gave up
    services = {
        "a": {
            "endpoints": {
                "cancels": {"steps": [{"call": "b.get", "timeout": "0.25 s", "cancel": True}]},
                "leaves": {"steps": [{"call": "b.get", "timeout": "0.25 s"}]},
            }
        },
        "b": {"stations": {"x": {"servers": 1}}, "endpoints": {"get": {"steps": [{"use": "x", "time": "1 s"}]}}},
    }
    sources = {"one": {"call": "a.cancels", "at": ["1 s"]}, "two": {"call": "a.leaves", "at": ["2 s"]}}
    platform = {"name": "two", "services": services, "sources": sources}
    simulation = prepare(parse_run({"platform": platform, "until": "5 s", "trace": {"one_in": 1}}))
    simulate(simulation)
    called = simulation.spans[simulation.spans["call"] >= 0]
    assert list(zip(called["start"], called["served"], called["ended"], called["zombie"], strict=True)) == [
        (1.0, 0.25, 1.25, 1),
        (2.0, 1.0, 3.0, 1),
    ]


def test_a_request_without_a_replica_has_never_arrived() -> None:
    service = {"down": [0], "health_check": {"every": "1 s", "unhealthy_after": 1}, "endpoints": {"get": {}}}
    platform = {
        "name": "dead",
        "services": {"a": service},
        "sources": {"in": {"call": "a.get", "at": ["0.5 s", "2 s"]}},
    }
    simulation = prepare(parse_run({"platform": platform, "until": "5 s", "trace": {"one_in": 1}}))
    simulate(simulation)
    assert list(np.isnan(simulation.spans["arrived"])) == [False, True]


def test_a_request_and_its_retries_are_traced_together() -> None:
    service = {"endpoints": {"get": {"steps": [{"fail": None}]}}}
    users = {
        "population": 1000, "sessions": {"rate": "10/s", "types": {"all": {
            "requests": 1, "mix": {"page": {"call": "a.get", "weight": 1}}}}},
        "retry": {"probability": 1, "attempts": 3, "after": "1 s"}, "patience": "1 h",
    }  # fmt: skip
    platform = {"name": "failing", "services": {"a": service}, "users": users}
    simulation = prepare(parse_run({"platform": platform, "until": "100 s", "trace": {"one_in": 10}}))
    simulate(simulation)
    early = simulation.spans[simulation.spans["start"] < 90]
    first = early[["user"]][np.argsort(early["start"])]
    _, tries = np.unique(first, return_counts=True)
    assert len(tries) > 50
    assert (tries % 4 == 0).mean() > 0.9  # but those cut at 90 s


def test_replicas_count_within_their_service_and_replies_travel() -> None:
    work = {"stations": {"cpu": {"servers": 4}}, "endpoints": {"go": {"steps": [{"use": "cpu", "time": "50 ms"}]}}}
    front = {"endpoints": {"go": {"steps": [{"call": "back.go"}]}}}
    simulation = prepare(
        parse_run(
            {
                "platform": {
                    "name": "x",
                    "network": "100 ms",
                    "services": {"front": {**front, "replicas": 3}, "back": {**work, "replicas": 2}},
                    "sources": {"every": {"call": "front.go", "every": "0.5 s"}},
                },
                "until": "20 s",
                "trace": {"one_in": 1},
            }
        )
    )
    simulate(simulation)
    spans, endpoints = simulation.spans, simulation.plan.labels["endpoint"]
    found = {name: set(spans["replica"][spans["endpoint"] == k]) for k, name in enumerate(endpoints)}
    assert found == {"front.go": {0, 1, 2}, "back.go": {0, 1}}
    inner = spans[spans["endpoint"] == endpoints.index("back.go")]
    assert [answered_after_s(times(one)) for one in inner] == pytest.approx([0.25] * len(inner))


def times(span: np.void) -> dict[str, float]:
    return {f"{name}_s": float(span[name]) for name in ("start", "arrived", "ended")}
