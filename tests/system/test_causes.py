"""What failed requests come from: planted troubles are found at the end of the chain, and shares sum up to all failures."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from reference.platforms import random_runs
from support import totals

from .bits import windows_of

Mapping = dict[str, Any]

TIERS: Mapping = {
    "platform": {
        "name": "tiers", "network": "1 ms",
        "sources": {"visits": {"call": "web.get", "rate": "40/s"}},
        "services": {
            "web": {"endpoints": {"get": {"steps": [
                {"call": "app.page", "label": "page", "timeout": "2 s"},
            ]}}},
            "app": {
                "stations": {"workers": {"servers": 20, "queue": 100}, "cpu": {"servers": 2}},
                "endpoints": {"page": {"hold": "workers", "steps": [
                    {"use": "cpu", "time": {"exponential": "10 ms"}},
                    {"call": "db.query", "label": "query"},
                    {"call": "llm.ask", "label": "ask", "with_probability": 0.2},
                ]}},
            },
            "db": {"stations": {"connections": {"servers": 4}},
                   "endpoints": {"query": {"steps": [{"use": "connections", "time": {"exponential": "20 ms"}}]}}},
            "llm": {"stations": {"slots": {"servers": 10}},
                    "limiters": {"quota": {"kind": "token_bucket", "rate": "100/s", "burst": 10}},
                    "endpoints": {"ask": {"steps": [{"pass": "quota"}, {"use": "slots", "time": {"exponential": "300 ms"}}]}}},
        },
    },
    "until": "60 s", "window": "60 s", "warmup": "20 s", "trace": {"one_in": 0},
}  # fmt: skip
"""Web, an application with blocking workers, a database and a language model, all with room to spare."""


def tiers(**changes: Any) -> Mapping:
    """The platform with other values; __ stands for a dot."""
    mapping = copy.deepcopy(TIERS)
    for key, value in changes.items():
        *parents, last = key.split("__")
        here = mapping["platform"]["services"]
        for name in parents:
            here = here.setdefault(name, {})
        here[last] = value
    return mapping


def causes(mapping: Mapping, endpoint: str = "web.get") -> dict[str, int]:
    """How many failures of an endpoint come from what."""
    return {cause: n for cause, n in totals(mapping)["endpoint_causes"][endpoint].items() if n}


def share(found: dict[str, int], cause: str) -> float:
    return found.get(cause, 0) / max(1, sum(found.values()))


def test_nothing_fails_where_there_is_room() -> None:
    assert causes(tiers()) == {}


def asks(step: Mapping) -> list[Mapping]:
    """The application's steps with another call of the language model."""
    page = TIERS["platform"]["services"]["app"]["endpoints"]["page"]["steps"]
    return [*page[:2], {**page[2], **step}]


WAITING = {"kind": "token_bucket", "rate": "2/s", "burst": 10, "when_full": "wait"}
REFUSING = {"kind": "token_bucket", "rate": "2/s", "burst": 10}
BREAKER = {"window": "20 calls", "minimum_calls": 10, "open_for": "5 s"}
TROUBLES: Mapping = {
    "few slots of the model": ("llm.slots", {"llm__stations__slots__servers": 1}),
    "a slow database": ("db.connections", {"db__stations__connections__speed": 0.1}),
    "a slow processor": ("app.cpu", {"app__stations__cpu__speed": 0.1}),
    "a quota that is waited for": ("llm.quota (limiter)", {"llm__limiters__quota": WAITING}),
    "a quota that refuses": ("llm.quota (limiter)", {"llm__limiters__quota": REFUSING}),
    "a refusal that is tried again": ("llm.quota (limiter)", {
        "llm__limiters__quota": REFUSING,
        "app__endpoints__page__steps": asks({"retries": {"attempts": 4, "base": "2 s", "backoff": "constant"}}),
    }),
    "a model that hangs": ("llm", {"llm__endpoints__ask__steps": [{"sleep": "1 h"}]}),
    "a breaker that is open": ("llm", {
        "llm__endpoints__ask__steps": ["fail"], "app__endpoints__page__steps": asks({"breaker": BREAKER}),
    }),
    "a database that is down": ("db", {"db__down": [0]}),
    "an application that fails": ("app", {"app__endpoints__page__steps": ["fail"]}),
    "a network that is slow": ("network", {"app__endpoints__page__steps": asks({"network": "3 s", "with_probability": 1})}),
}  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_failure_comes_from_the_end_of_the_chain(trouble: str) -> None:
    """Web gives up after 2 s, or is turned away by a full queue of those whose workers wait, or hears of what failed."""
    cause, changes = TROUBLES[trouble]
    found = causes(tiers(**changes))
    assert sum(found.values()) > 200
    assert share(found, cause) > 0.9  # who holds a worker spends up to 8 % of that time elsewhere


def test_two_troubles_share_the_failures() -> None:
    """A third of the pages fails by itself, a third of the others for the database."""
    steps = [{"fail": "error", "with_probability": 1 / 3}, {"call": "db.query"}]
    found = causes(tiers(
        app__endpoints__page__steps=steps, db__endpoints__query__steps=[{"fail": "error", "with_probability": 1 / 3}]
    ))  # fmt: skip
    n = sum(found.values())
    assert set(found) == {"app", "db"}
    assert found["app"] == pytest.approx(0.6 * n, abs=5 * np.sqrt(0.24 * n))  # 1/3 of 1/3 + 2/9


def test_what_a_slow_request_waits_for_is_told_too() -> None:
    """Nothing fails; the database takes most of the time of pages that do not ask the model."""
    mapping = tiers(db__endpoints__query__steps=[{"use": "connections", "time": "80 ms"}])
    found = totals(mapping)
    times = found["endpoint_cause_time"]["app.page"]
    assert sum(found["endpoint_causes"]["app.page"].values()) == 0
    assert times["db.connections"] + times["llm.slots"] > 0.9 * sum(times.values())
    assert times["db.connections"] > 0.3 * sum(times.values())


SOME = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@SOME
@given(random_runs())
def test_the_causes_of_all_failures_are_all_failures(mapping: Mapping) -> None:
    for window in windows_of(mapping):
        failed = window["endpoint_outcomes"][:, 1:].sum(axis=1)
        assert (window["endpoint_causes"].sum(axis=1) == failed).all()
        assert np.allclose(window["endpoint_cause_time"].sum(axis=1), window["endpoint_time"], rtol=1e-9, atol=1e-6)
