"""Stations against queueing theory: M/M/c, M/M/c/K, M/G/1, priorities, impatience, networks, the USL."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support import simulated, totals

from . import formulas
from .open_platforms import mean_wait, run, station
from .registry import agree, replicate

pytestmark = pytest.mark.theory

EXPONENTIAL = {"exponential": "100 ms"}


def share_above(result: list[dict[str, np.ndarray]], endpoint: int, edge: int) -> float:
    """Share of the tasks of an endpoint whose duration is above 0.1 ms · 1.04^edge, an edge of the histogram."""
    counts = result[0]["endpoint_latency"][endpoint]
    return float(counts[edge:].sum() / counts.sum())


def sojourns_above(rate: float, servers: int, length: float, seed: int, edge: int) -> float:
    service = {
        "stations": {"x": {"servers": servers}},
        "endpoints": {"get": {"steps": [{"use": "x", "time": EXPONENTIAL}]}},
    }
    _, windows = simulated({
        "platform": {"name": "m", "services": {"s": service}, "sources": {"i": {"call": "s.get", "rate": f"{rate}/s"}}},
        "start": "500 s", "until": f"{500 + length} s", "warmup": "500 s", "window": f"{length} s", "seed": seed,
    })  # fmt: skip
    return share_above(windows, 0, edge)


def test_one_server() -> None:
    # λ = 5/s, μ = 10/s: the wait is ρ/(μ − λ) = 0.1 s; the server is busy half the time
    length = 60_000.0

    def one(seed: int) -> tuple[float, float]:
        result = station(EXPONENTIAL, 5, length, seed, servers=1)
        return mean_wait(result), result["station_busy"]["s.x"] / length

    wait, busy = replicate(one)
    agree("M/M/1 wait", wait, formulas.mmc_wait(5, 10, 1))
    agree("M/M/1 busy", busy, 0.5)


def test_how_long_sojourns_last() -> None:
    # edges 204 and 194 of the histogram: 0.298 s and 0.201 s
    above = [1e-4 * 1.04**edge for edge in (204, 194)]
    found = replicate(lambda seed: sojourns_above(5, 1, 60_000, seed, 204))
    agree("M/M/1 share of sojourns above 0.3 s", found, math.exp(-5 * above[0]))
    found = replicate(lambda seed: sojourns_above(80, 10, 6_000, seed, 194))
    agree("M/M/10 share of sojourns above 0.2 s", found, formulas.mmc_sojourn_above(80, 10, 10, above[1]))


def test_several_servers() -> None:
    wait = replicate(lambda seed: mean_wait(station(EXPONENTIAL, 10, 40_000, seed, servers=2)))
    agree("M/M/2 wait at 0.5", wait, formulas.mmc_wait(10, 10, 2))
    wait = replicate(lambda seed: mean_wait(station(EXPONENTIAL, 90, 60_000, seed, warmup=200, servers=10)))
    agree("M/M/10 wait at 0.9", wait, formulas.mmc_wait(90, 10, 10))


def test_a_queue_with_a_limit() -> None:
    # 10 servers and room for 20 more: K = 30
    def one(seed: int) -> tuple[float, float]:
        result = station(EXPONENTIAL, 120, 3_000, seed, servers=10, queue=20)
        return result["station_rejected"]["s.x"] / result["station_arrivals"]["s.x"], mean_wait(result)

    blocking, wait = replicate(one)
    expected = formulas.mmck(120, 10, 10, 30)
    agree("M/M/c/K blocking", blocking, expected[0])
    agree("M/M/c/K wait", wait, expected[1])


@pytest.mark.parametrize(
    ("name", "time"),
    [("exponential", EXPONENTIAL), ("constant", "100 ms"), ("lognormal", {"lognormal": {"mean": "100 ms", "cv": 2}})],
)
def test_without_a_queue_blocking_does_not_depend_on_the_distribution(name: str, time: object) -> None:
    # a = 8, c = 10: Erlang's loss formula is insensitive to all but the mean
    def one(seed: int) -> float:
        result = station(time, 80, 6_000, seed, servers=10, queue=0)
        return result["station_rejected"]["s.x"] / result["station_arrivals"]["s.x"]

    agree(f"Erlang B blocking, {name}", replicate(one), formulas.erlang_b(10, 8))


def test_constant_service() -> None:
    wait = replicate(lambda seed: mean_wait(station("100 ms", 8, 60_000, seed, servers=1)))
    agree("M/D/1 wait", wait, formulas.pollaczek_khinchine(8, 0.1, 0))


@pytest.mark.parametrize(
    ("kind", "cv", "length"), [("lognormal", 1.0, 100_000), ("hyperexponential", 2.0, 300_000), ("gamma", 0.5, 60_000)]
)
def test_general_service(kind: str, cv: float, length: float) -> None:
    time = {kind: {"mean": "100 ms", "cv": cv}}
    wait = replicate(lambda seed: mean_wait(station(time, 5, length, seed, servers=1)))
    agree(f"M/G/1 wait, {kind}", wait, formulas.pollaczek_khinchine(5, 0.1, cv))


def test_priorities_that_do_not_preempt() -> None:
    # λ = 3/s before 4/s at one server with μ = 10/s; endpoints of their own tell the two apart
    service = {
        "stations": {"x": {"servers": 1, "order": "priority"}},
        "endpoints": {
            name: {"steps": [{"use": "x", "time": EXPONENTIAL}]} for name in ("high", "low")
        },
    }  # fmt: skip
    sources = {"high": {"call": "s.high", "rate": "3/s"}, "low": {"call": "s.low", "rate": "4/s", "priority": 1}}

    def one(seed: int) -> list[float]:
        result = totals({
            "platform": {"name": "p", "services": {"s": service}, "sources": sources},
            "start": "500 s", "until": "150500 s", "warmup": "500 s", "window": "150000 s", "seed": seed,
        })  # fmt: skip
        ended = {name: result["endpoint_outcomes"][name]["ok"] for name in ("s.high", "s.low")}
        return [result["endpoint_time"][name] / ended[name] - 0.1 for name in ended]

    high, low = replicate(one)
    expected = formulas.cobham([3, 4], 0.1, 0.02)
    agree("priority wait, high", high, expected[0])
    agree("priority wait, low", low, expected[1])


def test_impatience() -> None:
    # M/M/c+M: λ = 120/s, μ = 10/s, c = 10, patience with mean 0.2 s
    length = 3_000.0

    def one(seed: int) -> tuple[float, float]:
        result = station(EXPONENTIAL, 120, length, seed, servers=10, patience={"exponential": "200 ms"})
        return (
            result["station_expired"]["s.x"] / result["station_arrivals"]["s.x"],
            result["station_queue"]["s.x"] / length,
        )

    abandoned, queue = replicate(one)
    expected = formulas.erlang_a(120, 10, 10, 5)
    agree("Erlang A abandonment", abandoned, expected[0])
    agree("Erlang A queue", queue, expected[2])


def test_a_tandem() -> None:
    # by Burke's theorem the second station has Poisson arrivals too: sojourns 1/(μ − λ) at each
    services = {
        "s": {
            "stations": {"x": {"servers": 1}},
            "endpoints": {"get": {"steps": [{"use": "x", "time": {"exponential": "60 ms"}}, {"call": "t.get"}]}},
        },
        "t": {
            "stations": {"x": {"servers": 1}},
            "endpoints": {"get": {"steps": [{"use": "x", "time": {"exponential": "80 ms"}}]}},
        },
    }

    def one(seed: int) -> tuple[float, float]:
        result = totals({
            "platform": {"name": "tandem", "services": services, "sources": {"in": {"call": "s.get", "rate": "8/s"}}},
            "start": "500 s", "until": "60500 s", "warmup": "500 s", "window": "60000 s", "seed": seed,
        })  # fmt: skip
        return mean_wait(result) + 0.06, mean_wait(result, "t.x") + 0.08

    first, second = replicate(one)
    agree("tandem, first sojourn", first, 1 / (1 / 0.06 - 8))
    agree("tandem, second sojourn", second, 1 / (1 / 0.08 - 8))


def test_a_closed_network() -> None:
    # 20 users who think 1 s, then visit stations of 20, 50 and 10 ms, all exponential
    demands, users, length = {"a": 0.02, "b": 0.05, "c": 0.01}, 20, 10_000.0
    service = {
        "stations": {name: {"servers": 1} for name in demands},
        "endpoints": {"get": {"steps": [{"use": n, "time": {"exponential": f"{d} s"}} for n, d in demands.items()]}},
    }
    population = {
        "population": users, "arrivals": "closed", "think": {"exponential": "1 s"},
        "sessions": {"types": {"all": {"requests": 1, "mix": {"page": {"call": "s.get", "weight": 1}}}}},
    }  # fmt: skip

    def one(seed: int) -> tuple[float, float]:
        result = totals({
            "platform": {"name": "closed", "services": {"s": service}, "users": population},
            "start": "100 s", "until": f"{100 + length} s", "warmup": "100 s", "window": f"{length} s", "seed": seed,
        })  # fmt: skip
        answered = result["users_outcomes"]["all.page"]["ok"]
        return answered / length, result["users_time"]["all.page"] / answered

    throughput, response = replicate(one)
    expected = formulas.mva(users, list(demands.values()), 1.0)
    agree("closed network throughput", throughput, expected[0])
    agree("closed network response", response, expected[1])


@pytest.mark.parametrize("n", [1, 2, 5, 9, 20])
def test_throughput_under_contention_follows_the_usl(n: int) -> None:
    # always more waiting than servers; with σ = 0.05 and κ = 0.01 the curve has its peak at √(0.95/0.01) ≈ 9.7.
    # Each service starts with n in service and lasts D·f(n): ⌊T/(D·f(n))⌋·n ends in T, the first ones a little sooner
    serial, crosstalk, time, length = 0.05, 0.01, 0.010, 100.0
    service = {
        "stations": {"x": {"servers": n, "contention": {"serial": serial, "crosstalk": crosstalk}}},
        "endpoints": {"get": {"steps": [{"use": "x", "time": "10 ms"}]}},
    }
    result = run(service, 2000, length, 1, 10)
    expected = formulas.usl(n, time, serial, crosstalk) * length
    assert abs(result["station_ends"]["s.x"] - expected) <= n
