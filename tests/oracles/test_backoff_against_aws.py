"""Retries of a platform in YAML against the article that named their jitters, and against its setting in plain Python.

The setting is in `optimistic_locking.py`. In words of the platform: a client is one user of a closed population; a read
keeps the row's version under the user's key in a cache; a write looks it up, and where it hits invalidates all of them,
its own too. A call fails where a write found an old version, and is tried again as its `retries` say. The article counts
its first delay as base·2, so an `exponential` here has twice its base; `decorrelated` begins at the base in both.

Written down before it was run: each policy with 10, 50 and 100 clients, 300 replications a side, seeds 1001 to 1300. A
trial with other seeds gave the number of replications: full and decorrelated jitter differ in time by 0.3 s with 100
clients, with a standard deviation of 0.6 s and 0.75 s: five standard errors. The intervals of all comparisons hold
together at 99 % (Šidák 1967), and so do those of all that the article claims.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from optimistic_locking import BASE_S, CAP_S, MESSAGE_S, POLICIES, SPREAD_S, contend
from scipy import stats

from sfmodel.engine import prepare, simulate
from sfmodel.schema import parse_run

pytestmark = pytest.mark.theory

CLIENTS = (10, 50, 100)
SEEDS = range(1001, 1301)
FAMILY = 0.99
COMPARISONS = [(policy, clients) for policy in POLICIES for clients in CLIENTS]
LEVEL = FAMILY ** (1 / (2 * len(COMPARISONS)))
"""Each comparison is of calls and of time."""

CALLS, TIME = 0, 1

CLAIMS = [
    ("calls: backoff helps a small amount", CALLS, "exponential", 1.0, "none"),
    ("calls: jitter more than halves them", CALLS, "full", 2.0, "exponential"),
    ("calls: equal slightly more than full", CALLS, "full", 1.0, "equal"),
    ("calls: decorrelated more than both", CALLS, "equal", 1.0, "decorrelated"),
    ("calls: even so fewer than without jitter", CALLS, "decorrelated", 1.0, "exponential"),
    ("time: decorrelated slightly less than full", TIME, "decorrelated", 1.0, "full"),
    ("time: equal is the loser of the jittered", TIME, "full", 1.0, "equal"),
    ("time: without jitter is the clear loser", TIME, "equal", 1.0, "exponential"),
]
"""What the article says of 100 clients: its sentence, of what, and `factor` times the first is less than the second."""

THINK_S = 1000
"""All think so long and then start at once; they think again beyond the end."""

RETRIES: dict[str, dict[str, Any]] = {
    "none": {"backoff": "constant", "base": "0 s"},
    "exponential": {"backoff": "exponential", "base": f"{2 * BASE_S} s"},
    "full": {"backoff": "exponential", "base": f"{2 * BASE_S} s", "jitter": "full"},
    "equal": {"backoff": "exponential", "base": f"{2 * BASE_S} s", "jitter": "equal"},
    "decorrelated": {"base": f"{BASE_S} s", "jitter": "decorrelated"},
}


@cache
def messages(folder: Path) -> Path:
    """The normal distribution of a message's time as a file: 20,000 quantiles; none is negative."""
    middles = (np.arange(20_000) + 0.5) / 20_000
    path = folder / "messages.csv"
    path.write_text(
        "ms\n" + "\n".join(f"{ms:.6f}" for ms in 1000 * stats.norm.ppf(middles, MESSAGE_S, SPREAD_S)) + "\n"
    )
    return path


def platform(policy: str, clients: int, folder: Path) -> dict[str, Any]:
    message = {"sleep": {"empirical": {"file": str(messages(folder)), "column": "ms", "unit": "ms"}}}
    retries = {"attempts": 255, "factor": 2, "cap": f"{CAP_S} s", **RETRIES[policy]}
    write = {
        "lookup": "seen",
        "on_hit": [{"invalidate": "seen", "scope": "all"}],
        "on_miss": [message, {"fail": "error"}],
    }
    client = {
        "update": {"steps": [{"call": "client.attempt", "retries": retries}]},
        "attempt": {"steps": [{"call": "row.read"}, {"call": "row.write"}]},
    }
    row = {"read": {"steps": [message, {"store": "seen"}, message]}, "write": {"steps": [message, write, message]}}
    return {
        "name": "optimistic locking",
        "network": "0 s",
        "services": {
            "client": {"endpoints": client},
            "row": {"caches": {"seen": {"key": "user", "ttl": "24 h"}}, "endpoints": row},
        },
        "users": {
            "population": clients, "arrivals": "closed", "think": f"{THINK_S} s", "patience": "1 h",
            "sessions": {"types": {"all": {"requests": 1, "mix": {"one": {"call": "client.update", "weight": 1}}}}},
        },
    }  # fmt: skip


def contend_in_the_model(policy: str, clients: int, seed: int, folder: Path) -> tuple[int, float]:
    """Number of writes tried, and the time until all have succeeded, s."""
    run = {"platform": platform(policy, clients, folder), "until": f"{2 * THINK_S} s", "window": f"{2 * THINK_S} s"}
    simulation = prepare(parse_run({**run, "seed": seed, "trace": {"one_in": 1, "limit": 100_000}}))
    simulate(simulation)
    assert simulation.spans_lost == 0
    endpoints = simulation.plan.labels["endpoint"]
    of = {name: simulation.spans[simulation.spans["endpoint"] == k] for k, name in enumerate(endpoints)}
    assert len(of["client.update"]) == clients
    assert not of["client.update"]["outcome"].any()  # every client succeeds, and none ran out of attempts
    return len(of["row.write"]), float(of["client.update"]["ended"].max()) - THINK_S


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("messages")


@cache
def found(side: str, policy: str, clients: int, folder: Path) -> NDArray[np.float64]:
    """Calls and time of each replication; shape [2, replications]."""
    if side == "model":
        return np.array([contend_in_the_model(policy, clients, seed, folder) for seed in SEEDS]).T
    return np.array([contend(policy, clients, seed) for seed in SEEDS]).T


@pytest.mark.parametrize(("policy", "clients"), COMPARISONS)
def test_calls_and_time_are_those_of_the_plain_simulation(policy: str, clients: int, folder: Path) -> None:
    for quantity, of in ((CALLS, "calls"), (TIME, "time, s")):
        model, plain = (found(side, policy, clients, folder)[quantity] for side in ("model", "plain"))
        low, high = stats.ttest_ind(model, plain, equal_var=False).confidence_interval(LEVEL)
        text = f"{of}: {model.mean():.5g} and {plain.mean():.5g}, differ by {low:.3g} to {high:.3g}"
        assert low <= 0 <= high, text


@pytest.mark.parametrize("side", ["model", "plain"])
@pytest.mark.parametrize(("claim", "quantity", "less", "factor", "more"), CLAIMS, ids=[claim[0] for claim in CLAIMS])
def test_policies_rank_as_published(
    side: str, claim: str, quantity: int, less: str, factor: float, more: str, folder: Path
) -> None:
    a, b = (found(side, policy, 100, folder)[quantity] for policy in (less, more))
    test = stats.ttest_ind(factor * a, b, equal_var=False, alternative="less")
    level = FAMILY ** (1 / len(CLAIMS))
    assert test.pvalue < 1 - level, f"{claim}: {less} {a.mean():.5g}, {more} {b.mean():.5g}, p = {test.pvalue:.2g}"


@pytest.mark.parametrize("side", ["model", "plain"])
def test_full_and_equal_jitter_make_about_as_many_calls(side: str, folder: Path) -> None:
    # "approximately the same for Full and Equal jitter, and higher for Decorrelated": they are closer to each other
    full, equal, decorrelated = (found(side, p, 100, folder)[CALLS].mean() for p in ("full", "equal", "decorrelated"))
    assert equal - full < decorrelated - equal
