"""The engine against the reference: exact where nothing is random."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sfmodel.schema import parse_run

from . import simulate
from .platforms import deterministic_runs, random_runs

INTEGRALS = (
    "endpoint_time", "endpoint_time_ok", "station_busy", "station_queue", "station_wait", "call_time", "limiter_wait",
    "queue_delay", "users_time", "counters",
)  # fmt: skip
COMPARED = (
    "endpoint_arrivals", "endpoint_outcomes", "endpoint_in_flight", "endpoint_time", "call_attempts", "call_outcomes",
    "call_retries", "call_hedges", "breaker_state", "station_busy", "station_queue", "station_queue_max",
    "station_rejected", "station_expired", "station_wait", "cache_hits", "cache_misses", "cache_stale",
    "cache_expired", "cache_invalidated", "cache_coalesced", "cache_stores", "cache_evictions", "cache_entries",
    "limiter_passed", "limiter_refused", "queue_published", "queue_delivered", "queue_failed", "queue_dropped",
    "queue_rejected", "queue_delay", "counters", "users_requests", "users_retries", "users_outcomes",
    "users_abandoned", "users_given_up", "views", "views_lost",
)  # fmt: skip
RANDOM_FACTOR = 4.0
"""Counts of two runs with different draws differ by a few standard deviations at most."""


def compare(run_mapping: dict[str, Any], exact: bool) -> None:
    """Run both; counts must be equal and integrals within rounding, or, with other draws, of a kind."""
    from sfmodel.engine import totals

    run = parse_run(run_mapping)
    found, expected = totals(run), simulate(run).totals
    differences = list(different(found, expected, exact))
    assert not differences, "\n".join(["engine and reference differ:", *differences])


def different(found: dict[str, Any], expected: dict[str, Any], exact: bool) -> Iterator[str]:
    """One line per value that differs."""
    for name in COMPARED:
        ours, theirs = flat(found.get(name, {})), flat(expected.get(name, {}))
        for key in sorted(ours.keys() | theirs.keys(), key=str):
            a, b = ours.get(key, 0), theirs.get(key, 0)
            if not (same(name, a, b) if exact else alike(a, b)):
                yield f"{name} {key}: engine {a}, reference {b}"


def same(name: str, a: float, b: float) -> bool:
    """Equal, or for sums of times within rounding."""
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-7) if name in INTEGRALS else a == b


def alike(a: float, b: float) -> bool:
    """Within what chance does to a count in a small run; a coarse net for large mistakes."""
    return abs(a - b) <= 30 + RANDOM_FACTOR * math.sqrt(30 + a + b) + 0.5 * max(a, b)


def flat(by_key: dict[Any, Any]) -> dict[Any, float]:
    """key → outcome → value becomes (key, outcome) → value."""
    result: dict[Any, float] = {}
    for key, value in by_key.items():
        if isinstance(value, dict):
            result |= {(key, inner): number for inner, number in value.items()}
        else:
            result[key] = value
    return result


needs_engine = pytest.mark.skipif(importlib.util.find_spec("sfmodel.engine") is None, reason="there is no engine yet")
SOME = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@needs_engine
@SOME
@given(deterministic_runs())
def test_exact_where_nothing_is_random(mapping: dict[str, Any]) -> None:
    compare(mapping, exact=True)


@needs_engine
@SOME
@given(random_runs())
def test_of_a_kind_where_much_is_random(mapping: dict[str, Any]) -> None:
    compare(mapping, exact=False)
