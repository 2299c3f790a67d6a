"""The engine against the reference: exact where nothing is random, within intervals where something is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, Phase, given, settings
from numpy.typing import NDArray
from omegaconf import OmegaConf
from scipy import stats
from support import totals

from sfmodel.schema import parse_run

from . import simulate
from .platforms import deterministic_runs, random_runs

Values = dict[Any, float]

INTEGRALS = (
    "endpoint_time", "endpoint_time_ok", "station_busy", "station_queue", "station_wait", "station_wasted",
    "queue_delay", "counters", "call_time", "limiter_wait", "users_time",
)  # fmt: skip
COMPARED = (
    "endpoint_arrivals", "endpoint_outcomes", "endpoint_in_flight", "endpoint_wasted", "endpoint_time",
    "endpoint_time_ok", "call_attempts", "call_outcomes", "call_retries", "call_hedges", "call_timeouts", "call_open",
    "breaker_state", "station_busy", "station_queue", "station_queue_max", "station_arrivals", "station_starts",
    "station_ends", "station_rejected", "station_expired", "station_left", "station_wait", "station_wasted",
    "cache_hits", "cache_similar", "cache_misses", "cache_stale",
    "cache_expired", "cache_invalidated", "cache_coalesced", "cache_stores", "cache_evictions", "cache_entries",
    "limiter_passed", "limiter_refused", "queue_published", "queue_delivered", "queue_failed", "queue_dropped",
    "queue_rejected", "queue_delay", "counters", "users_requests", "users_retries", "users_outcomes",
    "users_abandoned", "users_given_up", "views", "views_lost", "call_time", "limiter_wait", "users_time",
    "queue_batches", "station_servers", "cache_bytes",
)  # fmt: skip
FAMILY = 0.99
"""Level at which all intervals hold together: as many comparisons as `COMPARISONS` at most."""

COMPARISONS = 5_000
"""Means compared in this file; counted by the tests, which fail when there are more."""

LEVEL = FAMILY ** (1 / COMPARISONS)
"""Of each interval (Šidák 1967)."""

SEEDS = range(1, 25)
STREAMFLOW_SEEDS = range(1, 25)
CONF = Path(__file__).parents[2] / "conf"


# --- what is compared


def both(run_mapping: dict[str, Any]) -> tuple[Values, Values]:
    """(name, key, outcome) → value of the engine and of the reference."""
    return flat(engine(run_mapping)), flat(simulate(parse_run(run_mapping)).totals)


def engine(run_mapping: dict[str, Any]) -> dict[str, dict[Any, Any]]:
    """The engine's totals, its counters together under one name as in the reference."""
    found = totals(run_mapping)
    names = run_mapping["platform"].get("counters", {})
    return found | {"counters": {name: found[name] for name in names}}


def flat(of: dict[str, dict[Any, Any]]) -> Values:
    """name → key → outcome → value becomes (name, key, outcome) → value; what is compared, finite and not 0."""
    result: Values = {}
    for name in COMPARED:
        for key, value in of.get(name, {}).items():
            if isinstance(value, dict):
                result |= {(name, key, outcome): number for outcome, number in value.items() if number}
            elif value and math.isfinite(value):
                result[name, key] = value
    return result


def exact_differences(found: Values, expected: Values) -> Iterator[str]:
    """One line per value that differs; sums of times may differ by rounding."""
    for key in sorted(found.keys() | expected.keys(), key=str):
        a, b = found.get(key, 0), expected.get(key, 0)
        if not (math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-7) if key[0] in INTEGRALS else a == b):
            yield f"{key}: engine {a}, reference {b}"


class Intervals:
    """Means over seeds, compared by Welch's interval at one level for all comparisons of a test."""

    def __init__(self) -> None:
        self.compared = 0
        self.relative: list[float] = []
        """Half widths of the intervals, of the reference's mean each."""

    def different(self, run_mapping: dict[str, Any], seeds: range) -> Iterator[str]:
        """One line per mean whose interval does not hold the other."""
        pairs = [both({**run_mapping, "seed": seed}) for seed in seeds]
        for key in sorted({key for pair in pairs for values in pair for key in values}, key=str):
            if key[0] == "breaker_state":
                continue
            self.compared += 1
            ours, theirs = (np.array([pair[i].get(key, 0) for pair in pairs], dtype=float) for i in (0, 1))
            half = half_width(ours, theirs)
            self.relative.append(half / abs(theirs.mean()) if theirs.mean() else math.inf)
            if abs(ours.mean() - theirs.mean()) > half + 1e-6:
                yield f"{key}: engine {ours.mean():g}, reference {theirs.mean():g} ± {half:g}"


def half_width(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Half of Welch's interval for the difference of two means."""
    parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    if not any(parts):
        return 0.0
    freedom = sum(parts) ** 2 / sum(part**2 / (len(a) - 1) for part in parts)
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom) * math.sqrt(sum(parts)))


# --- small platforms of every kind

SAME = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.generate], print_blob=False,
)  # fmt: skip


def test_exact_where_nothing_is_random() -> None:
    happened: set[str] = set()

    @settings(SAME, max_examples=400)
    @given(deterministic_runs())
    def compare(mapping: dict[str, Any]) -> None:
        found, expected = both(mapping)
        happened.update(name for name, *_ in expected)
        differences = list(exact_differences(found, expected))
        assert not differences, "\n".join(["engine and reference differ:", *differences])

    compare()
    assert set(COMPARED) - happened == {"cache_evictions", "cache_similar"}, "what never happened was never compared"


NETWORK_TO_A_DEAD_REPLICA = {
    "middle": {
        "endpoints": {
            "get": {
                "steps": [
                    {
                        "fork": [[{"call": "back.get", "network": "10 ms", "cancel": True}], []],
                        "join": "first",
                        "cancel": True,
                    }
                ]
            }
        }
    },
    "back": {"down": [0], "endpoints": {"get": {}}},
}
FAILED_READS = {
    "middle": {
        "caches": {"near": {"key": "topic", "ttl": "1 h", "coalesce": True, "read": "back.get"}},
        "endpoints": {"get": {"steps": [{"lookup": "near", "on_miss": [{"sleep": "10 ms"}]}]}},
    },
    "back": {"down": [0], "endpoints": {"get": {}}},
}
TWO_CANCELLED_AT_ONCE = {
    "middle": {
        "endpoints": {
            "get": {
                "steps": [{"call": "back.get", "timeout": "0.1 s", "hedge": {"after": "30 ms"}, "cancel": True}],
            }
        }
    },
    "back": {
        "stations": {"pool": {"servers": 1}},
        "endpoints": {"get": {"steps": [{"hold": "pool", "do": [{"sleep": "0.2 s"}]}]}},
    },
}
ONE_WINDOW = {
    "middle": {
        "stations": {"pool": {"servers": 3, "order": "lifo"}},
        "limiters": {"gate": {"kind": "fixed_window", "limit": 4, "window": "1.3 s", "when_full": "wait"}},
        "endpoints": {"get": {"steps": [{"hold": "pool", "do": [{"pass": "gate"}]}]}},
    }
}
LIMIT_BY_ITEM = {
    "middle": {
        "caches": {"near": {"key": "user", "ttl": "1 h", "write": "back.get"}},
        "endpoints": {"get": {"steps": [{"store": "near"}]}},
    },
    "back": {
        "limiters": {"gate": {"kind": "token_bucket", "key": "item", "rate": "20/s"}},
        "endpoints": {"get": {"steps": [{"pass": "gate"}]}},
    },
}
EVERY = {"a": {"call": "middle.get", "batch": 3, "every": "0.237 s"}, "b": {"call": "middle.get", "every": "0.1 s"}}
WITH_AND_WITHOUT_ITEM = {
    "sources": {"a": {"call": "middle.get", "at": ["3.6 s"]}},
    "users": {
        "population": 1,
        "arrivals": "closed",
        "think": "0.7117 s",
        "sessions": {"types": {"reader": {"requests": 1, "mix": {"page": {"call": "middle.get", "weight": 1}}}}},
    },
}


@pytest.mark.parametrize(
    ("services", "demand"),
    [
        pytest.param(NETWORK_TO_A_DEAD_REPLICA, {"sources": EVERY}, id="cancelled on the way to a dead replica"),
        pytest.param(FAILED_READS, {"sources": EVERY}, id="misses of failed reads coalesce"),
        pytest.param(TWO_CANCELLED_AT_ONCE, {"sources": EVERY}, id="what several cancelled at once free"),
        pytest.param(ONE_WINDOW, {"sources": EVERY}, id="waiters of one window pass at one moment"),
        pytest.param(LIMIT_BY_ITEM, WITH_AND_WITHOUT_ITEM, id="the call of a cache is about an item"),
    ],
)
def test_exact_in_rare_cases(services: dict[str, Any], demand: dict[str, Any]) -> None:
    platform = {"name": "small", "services": services, **demand}
    differences = list(exact_differences(*both({"platform": platform, "until": "10 s", "window": "1 s"})))
    assert not differences, "\n".join(["engine and reference differ:", *differences])


def test_exact_with_a_warm_up_that_begins_before_midnight() -> None:
    # times are binary fractions: the engine adds a day to each, and none may be rounded
    window, key = {"limit": 3, "window": "0.875 s"}, {"key": "item"}
    limiters = {
        "bucket": {"kind": "gcra", "rate": "4/s", "burst": 2},
        "fixed": {"kind": "fixed_window", **window},
        "fixed_by_key": {"kind": "fixed_window", **window, **key},
        "sliding": {"kind": "sliding_window", **window},
        "sliding_by_key": {"kind": "sliding_window", **window, **key},
        "waiting": {"kind": "fixed_window", **window, "when_full": "wait", "max_wait": "2 s"},
    }
    breaker = {"window": "8.75 s", "minimum_calls": 4, "failure_rate": 0.5, "open_for": "1 s", "half_open_calls": 2}
    call = {"call": "back.get", "breaker": breaker, "on_failure": "continue"}
    services = {
        "front": {
            "limiters": limiters,
            "endpoints": {"get": {"steps": [call, *({"pass": name, "on_throttled": "continue"} for name in limiters)]}},
        },
        "back": {
            "limiters": {"gate": {"kind": "fixed_window", "limit": 5, "window": "2.625 s"}},
            "endpoints": {"get": {"steps": [{"pass": "gate"}]}},
        },
    }
    platform = {"name": "early", "services": services, "sources": {"in": {"call": "front.get", "every": "0.1875 s"}}}
    mapping = {"platform": platform, "until": "20 s", "warmup": "13.5 s", "window": "1 s"}
    differences = list(exact_differences(*both(mapping)))
    assert not differences, "\n".join(["engine and reference differ:", *differences])


def test_exact_with_an_adaptive_limit() -> None:
    adaptive = {"min": 1, "max": 9, "queue": 2, "smoothing": 0.5, "long_window": 12, "every": "0.71 s", "samples": 2}
    stations = {"permits": {"servers": 2, "queue": 1, "adaptive": adaptive}, "cpu": {"servers": 3}}
    use = {"use": "cpu", "time": "61.7 ms"}
    services = {"middle": {"stations": stations, "endpoints": {"get": {"steps": [{"hold": "permits", "do": [use]}]}}}}
    scenario = {
        "events": [
            {"at": "8 s", "for": "5 s", "scale": {"services.middle.stations.cpu.speed": 0.2}},
            {"at": "20.3 s", "for": "1 s", "set": {"services.middle.stations.permits.servers": 7}},
        ]
    }
    platform = {
        "name": "small",
        "services": services,
        "sources": {**EVERY, "c": {"call": "middle.get", "every": "33 ms"}},
    }
    mapping = {"platform": platform, "scenario": scenario, "until": "30 s", "window": "1 s"}
    differences = list(exact_differences(*both(mapping)))
    assert not differences, "\n".join(["engine and reference differ:", *differences])


def test_exact_with_shedding() -> None:
    cpu = {"servers": 1, "shedding": {"queuing": "10 ms", "every": "0.71 s", "decrease": 0.3, "increase": 0.2}}
    get = {"steps": [{"use": "cpu", "time": "61.7 ms"}]}
    services = {"middle": {"stations": {"cpu": cpu}, "endpoints": {"get": get}}}
    sources = {f"s{k}": {"call": "middle.get", "every": f"{0.131 + 0.0173 * k} s", "priority": k} for k in range(4)}
    platform = {"name": "small", "services": services, "sources": sources}
    found, expected = both({"platform": platform, "until": "60 s", "window": "1 s"})
    assert expected["station_rejected", "middle.cpu"] > 0
    differences = list(exact_differences(found, expected))
    assert not differences, "\n".join(["engine and reference differ:", *differences])


def test_within_intervals_with_a_throttle() -> None:
    call = {
        "call": "back.get",
        "throttle": {"k": 1.5, "window": "5 s"},
        "retries": {"attempts": 2, "on": ["rejected", "open"]},
    }
    back = {
        "stations": {"cpu": {"servers": 1, "queue": 0}},
        "endpoints": {"get": {"steps": [{"use": "cpu", "time": {"exponential": "0.1 s"}}]}},
    }
    services = {"front": {"endpoints": {"get": {"steps": [{**call, "network": "3 ms"}]}}}, "back": back}
    platform = {"name": "small", "services": services, "sources": {"in": {"call": "front.get", "rate": "30/s"}}}
    intervals = Intervals()
    differences = list(intervals.different({"platform": platform, "until": "60 s", "window": "60 s"}, SEEDS))
    assert not differences, "\n".join(["engine and reference differ:", *differences])


@pytest.mark.parametrize("more", [{}, {"coalesce": True}, {"stale_for": "0.5 s", "sliding": True}, {"early": "0.2 s"}])
def test_within_intervals_with_similar_topics(more: dict[str, Any]) -> None:
    caches = {"near": {"key": "topic", "ttl": "0.8 s", "similar": 0.4, **more}}
    steps = [{"lookup": "near", "on_miss": [{"sleep": "0.11 s"}, {"store": "near"}]}]
    forget = [{"invalidate": "near", "scope": "similar", "share": 0.3, "over": "0.5 s"}]
    services = {"s": {"caches": caches, "endpoints": {"get": {"steps": steps}, "forget": {"steps": forget}}}}
    sources = {
        "in": {"call": "s.get", "rate": "20/s", "item": "random"},
        "other": {"call": "s.forget", "rate": "0.3/s", "item": "random"},
    }
    platform = {"name": "small", "services": services, "sources": sources, "content": {"items": 5000, "clusters": 9}}
    mapping = {"platform": platform, "until": "60 s", "window": "60 s"}
    found, _ = both(mapping)
    assert found["cache_similar", "s.near"] > 100
    intervals = Intervals()
    differences = list(intervals.different(mapping, SEEDS))
    assert not differences, "\n".join(["engine and reference differ:", *differences])


def test_within_intervals_where_much_is_random() -> None:
    intervals = Intervals()
    differences: list[str] = []

    @settings(SAME, max_examples=40)
    @given(random_runs())
    def compare(mapping: dict[str, Any]) -> None:
        differences.extend(intervals.different(mapping, SEEDS))

    compare()
    assert not differences, "\n".join(["engine and reference differ:", *differences])
    assert intervals.compared <= COMPARISONS * 0.8


# --- the case study, small


@cache
def streamflow() -> dict[str, Any]:
    """Two minutes of the peak with 20 000 users, so few that the reference takes seconds."""
    overrides = [
        "platform=streamflow",
        "users=20000",
        "items=5000",
        "start='20:30'",
        "warmup=30 s",
        "demand.level=0.006",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        mapping = OmegaConf.to_container(compose("config", overrides=overrides), resolve=True)
    assert isinstance(mapping, dict)
    return {**mapping, "until": "20:32"}


def test_streamflow_within_intervals() -> None:
    intervals = Intervals()
    differences = list(intervals.different(streamflow(), STREAMFLOW_SEEDS))
    seen = " %, ".join(f"{100 * share:.2g}" for share in np.quantile(intervals.relative, [0.1, 0.25, 0.5, 0.75]))
    print(f"{intervals.compared} means: a tenth, a quarter, half, three quarters of them tell apart {seen} %")
    assert not differences, "\n".join(["engine and reference differ:", *differences])
    assert intervals.compared <= COMPARISONS * 0.2
