"""The engine against the reference: exact where nothing is random."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from sfmodel.schema import parse_run
from support import totals

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
SEEDS = range(1, 13)
STANDARD_ERRORS = 8.0
"""Means over the seeds may differ by so many; thousands of means are compared."""


def compare(run_mapping: dict[str, Any], exact: bool) -> None:
    """Where nothing is random one run of each must agree; else the means over some seeds."""
    differences = list(exactly_different(run_mapping) if exact else clearly_different(run_mapping))
    assert not differences, "\n".join(["engine and reference differ:", *differences])


def both(run_mapping: dict[str, Any]) -> tuple[dict[Any, float], dict[Any, float]]:
    """(name, key, outcome) → value of the engine and of the reference."""
    run = parse_run(run_mapping)
    return flat(engine(run_mapping)), flat(simulate(run).totals)


def engine(run_mapping: dict[str, Any]) -> dict[str, dict[Any, Any]]:
    """The engine's totals, its counters together under one name as in the reference."""
    found = totals(run_mapping)
    names = run_mapping["platform"].get("counters", {})
    return found | {"counters": {name: found[name] for name in names}}


def exactly_different(run_mapping: dict[str, Any]) -> Iterator[str]:
    """One line per value that differs; sums of times may differ by rounding."""
    found, expected = both(run_mapping)
    for key in sorted(found.keys() | expected.keys(), key=str):
        a, b = found.get(key, 0), expected.get(key, 0)
        if not (math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-7) if key[0] in INTEGRALS else a == b):
            yield f"{key}: engine {a}, reference {b}"


def clearly_different(run_mapping: dict[str, Any]) -> Iterator[str]:
    """One line per mean that differs by many standard errors."""
    pairs = [both({**run_mapping, "seed": seed}) for seed in SEEDS]
    for key in sorted({key for pair in pairs for values in pair for key in values}, key=str):
        if key[0] == "breaker_state":
            continue
        ours, theirs = (np.array([pair[i].get(key, 0) for pair in pairs], dtype=float) for i in (0, 1))
        error = math.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / len(pairs))
        if abs(ours.mean() - theirs.mean()) > STANDARD_ERRORS * error + 1e-6:
            yield f"{key}: engine {ours.mean():g}, reference {theirs.mean():g}, standard error {error:g}"


def flat(of: dict[str, dict[Any, Any]]) -> dict[Any, float]:
    """name → key → outcome → value becomes (name, key, outcome) → value; only what is compared."""
    result: dict[Any, float] = {}
    for name in COMPARED:
        for key, value in of.get(name, {}).items():
            if isinstance(value, dict):
                result |= {(name, key, outcome): number for outcome, number in value.items()}
            else:
                result[name, key] = value
    return result


SOME = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(SOME, max_examples=10, derandomize=True)


@SOME
@given(deterministic_runs())
def test_exact_where_nothing_is_random(mapping: dict[str, Any]) -> None:
    compare(mapping, exact=True)


@FEW
@given(random_runs())
def test_of_a_kind_where_much_is_random(mapping: dict[str, Any]) -> None:
    compare(mapping, exact=False)
