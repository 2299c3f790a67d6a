"""Can the figures hold together? The recommendation path as a fluid, with the baseline's values: seconds, no simulation.

    python experiments/feasibility.py

Sessions start with the breathing demand, ask, wait, and end early on failure or slowness. The engine is one fluid queue
in front of workers that need cores; a worker who waits burns part of a core. What is cached is one share of the active
users. The provider's quota is a bucket of tokens, whose refusals come from its Markov chain. Databases answer by the
Universal Scalability Law at their mean load. The fluid knows nothing of single requests, so that the shares of
failures, which come from the tails of waits, are lower bounds. It shows what the figures hang on, and where they pull
against each other: what lets an overloaded evening stand (users who leave) also lets it recover, so that a collapse
lasts (F4) only where answers that come too late are not kept for the next request either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, poisson

from sfmodel.cli.compose import composed
from sfmodel.schema.quantities import to_duration_s, to_rate_per_s, to_share

STEP_S = 1.0
EVENINGS = 24
HOLD_HIT_S, AUTH_S, GATEWAY_S, STORE_S, LLM_S = 0.007, 0.028, 0.002, 0.015, 0.9
PROFILE_S = {1: 0.066, 3: 0.17}
MISS_SPREAD_S = 0.25


@dataclass(frozen=True)
class Path:
    """Values of the recommendation path, times in s and rates per s."""

    starts: float
    requests: float
    asks: float
    think: float
    stretch: float
    workers: float
    queue: float
    cores: float
    waiting_cost: float
    model: float
    llm_share: float
    llm_others: float
    llm_back: float
    burst: int
    gateway: float
    engine: float
    retry: float
    leave_failure: float
    leave_slow: float
    slow: float
    ttl: float
    breathing: float
    correlation: float
    vector_work: float
    vector_serial: float
    vector_others: float
    update_slowdown: float


def baseline() -> Path:
    """Read the values from the configuration."""
    config = dict(composed(["platform=streamflow"]))
    platform, breathing = config["platform"], config["demand"]["breathing"]
    users, services = platform["users"], platform["services"]
    engine, gateway, vector = services["engine"], services["gateway"], services["vectordb"]
    discover = users["sessions"]["types"]["discover"]
    weights = {name: entry["weight"] for name, entry in discover["mix"].items()}
    cpu = engine["stations"]["cpu"]
    recommend = engine["endpoints"]["recommend"]["steps"]
    contention = 1 + float(cpu["contention"]["serial"]) * (cpu["servers"] - 1) * 0.65
    return Path(
        starts=to_rate_per_s(users["sessions"]["rate"]) * to_share(discover["share"]),
        requests=discover["requests"],
        asks=weights["recommendations"] / sum(weights.values()),
        think=to_duration_s(users["think"]["lognormal"]["mean"]),
        stretch=float(users["stretch"]),
        workers=engine["stations"]["workers"]["servers"],
        queue=engine["stations"]["workers"]["queue"],
        cores=cpu["servers"],
        waiting_cost=to_share(cpu["waiting_cost"]),
        model=to_duration_s(recommend[3]["time"]["lognormal"]["mean"]) * contention,
        llm_share=to_share(recommend[2]["with_probability"]),
        llm_others=0.75 + 3 * 0.25,
        llm_back=to_duration_s(platform["constants"]["llm_back_after"]),
        burst=services["llm"]["limiters"]["quota"]["burst"],
        gateway=to_duration_s(gateway["endpoints"]["recommendations"]["steps"][0]["timeout"]),
        engine=to_duration_s(gateway["endpoints"]["assemble"]["steps"][4]["timeout"]),
        retry=to_share(users["retry"]["probability"]),
        leave_failure=to_share(users["leave"]["after_failure"]),
        leave_slow=to_share(users["leave"]["after_slow"]),
        slow=to_duration_s(users["leave"]["slow"]),
        ttl=to_duration_s(engine["caches"]["recommendations"]["ttl"]),
        breathing=to_share(breathing["cv"]),
        correlation=to_duration_s(breathing["correlation"]),
        vector_work=to_duration_s(vector["endpoints"]["search"]["steps"][0]["time"]["lognormal"]["mean"]),
        vector_serial=float(vector["stations"]["queries"]["contention"]["serial"]),
        vector_others=100.0,
        update_slowdown=1 + vector["endpoints"]["search"]["steps"][0]["slowed_by"][1]["each"],
    )


def refusals(burst: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Refused share of a token bucket against its load (attempts a token), both of shape [41].

    A token every slot; Poisson attempts; the level's chain has burst + 1 states.
    """
    loads = np.linspace(0.2, 3.0, 41)
    shares = np.empty_like(loads)
    for k, load in enumerate(loads):
        move = np.zeros((burst + 1, burst + 1))
        for level in range(burst + 1):
            for taken in range(level + 1):
                share = poisson.pmf(taken, load) if taken < level else poisson.sf(level - 1, load)
                move[level, min(level - taken + 1, burst)] += share
        level_share = np.linalg.matrix_power(move, 4096)[0]
        passed = sum(share * poisson.sf(np.arange(level), load).sum() for level, share in enumerate(level_share))
        shares[k] = max(0.0, 1 - passed / load)
    return loads, shares


def quota(burst: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Refused share against calls a second, where each makes up to three attempts; both of shape [200]."""
    loads, shares = refusals(burst)
    calls = np.linspace(0.5, 20, 200)
    refused = np.zeros_like(calls)
    for _ in range(200):
        attempts = calls * (1 + refused + refused**2)
        refused = 0.5 * refused + 0.5 * np.interp(attempts * 60 / 500, loads, shares)
    return calls, refused


def vector_s(path: Path, misses: NDArray[np.float64], demand: float, work: float = 1.0) -> NDArray[np.float64]:
    """Time of a vector query by the scalability law, s."""
    load = (misses + path.vector_others * demand) * path.vector_work * work * path.vector_serial
    return path.vector_work * work / np.maximum(1 - load, 1 / (1 + 319 * path.vector_serial))


def evening(path: Path, minutes: float, level: float, halved: tuple[float, float] | None = None) -> dict[str, NDArray]:
    """Let the fluid run at peak demand; every series has the shape [seconds, evenings].

    Parameters
    ----------
    path
        Values.
    minutes
        Length; the first 30 are thrown away.
    level
        Demand relative to the baseline.
    halved
        From and until when (minutes behind the first 30) the engine has half of its cores and workers.
    """
    draw = np.random.default_rng(1)
    table = quota(path.burst)
    steps, shape = int(60 * (minutes + 30) / STEP_S), EVENINGS
    active = np.full(shape, 3 * level * path.starts * path.requests * path.think)
    waiting, cached, breath, answer = np.zeros(shape), np.full(shape, 0.79), np.zeros(shape), np.full(shape, 0.5)
    kept: dict[str, list[NDArray]] = {}
    memory = np.exp(-STEP_S / path.correlation)
    profile = PROFILE_S[3]
    misses, asking = np.full(shape, 100.0), np.full(shape, 100.0)
    for step in range(steps):
        minute = step * STEP_S / 60 - 30
        half = 0.5 if halved and halved[0] <= minute < halved[1] else 1.0
        cores, workers = path.cores * half, path.workers * half
        breath = memory * breath + path.breathing * np.sqrt(1 - memory**2) * draw.standard_normal(shape)
        starts = 3 * level * path.starts * np.exp(breath - path.breathing**2 / 2)

        vector = vector_s(path, misses, 3 * level)
        asking += STEP_S / path.llm_back * (misses - asking)
        calls = path.llm_share * asking + path.llm_others
        refused = np.interp(calls, *table)
        llm = LLM_S + path.llm_back * (refused + refused**2) + 11 * refused**3
        inside = vector + path.llm_share * llm + STORE_S
        miss = 1 - cached
        per_miss = path.model + path.waiting_cost * inside
        capacity = cores / (miss * per_miss)
        hold = inside + path.model
        capacity = np.minimum(capacity, workers / (miss * hold + cached * HOLD_HIT_S))

        pace = 1 / (path.think + path.asks * (1 + path.stretch) * answer)
        fresh = active * pace * path.asks
        fails = np.zeros(shape)
        wait = waiting / capacity
        full = wait > 0.02
        core_wait = np.where(full, np.maximum(workers / (capacity * miss) - hold, 0), 0.02)
        base = AUTH_S + GATEWAY_S + profile
        hit_s, miss_s = base + wait + HOLD_HIT_S, base + wait + hold + core_wait
        long_llm = path.llm_share * (refused + 0.03)

        def beyond(limit: float, hit_s=hit_s, miss_s=miss_s, miss=miss, long_llm=long_llm) -> NDArray:
            late_miss = norm.sf((limit - miss_s) / MISS_SPREAD_S)
            return (1 - miss) * norm.sf((limit - hit_s) / 0.1) + miss * (late_miss + (1 - late_miss) * long_llm)

        fails = beyond(path.gateway)
        slow = np.maximum(beyond(path.slow) - fails, 0)
        offered = fresh * (1 + path.retry * fails)
        offered += np.sqrt(offered / STEP_S) * draw.standard_normal(shape)
        # How many of those whose turn it is miss the cache varies, and with it what the cores get done.
        capacity = capacity * (1 + np.sqrt(cached / (miss * capacity * STEP_S)) * draw.standard_normal(shape))
        room = (path.queue - waiting) / STEP_S + capacity
        rejected = np.maximum(offered - room, 0)
        served = np.minimum(capacity, waiting / STEP_S + offered - rejected)
        waiting = np.clip(waiting + STEP_S * (offered - rejected - served), 0, path.queue)
        turned_away = rejected / np.maximum(offered, 1)
        lost = np.minimum(fails + turned_away, 1)
        misses = served * miss
        stored = misses * norm.cdf((path.engine + base - miss_s) / MISS_SPREAD_S)
        leaving = lost * (1 - path.retry) * path.leave_failure + slow * path.leave_slow
        active += STEP_S * (starts - active * pace * (1 / path.requests + path.asks * leaving))
        cached += STEP_S * (stored / active - cached / path.ttl - cached * starts / active)
        answer = np.minimum((1 - miss) * hit_s + miss * miss_s, path.gateway)
        if minute >= 0:
            series = {
                "mean": answer * (1 - turned_away) + base * turned_away,
                "hit_s": np.minimum(hit_s, path.gateway),
                "miss_s": np.minimum(miss_s, path.gateway),
                "miss": miss,
                "P4": lost,
                "P5": np.minimum(beyond(path.engine + base) + turned_away, 1),
                "P6": refused**3,
                "P7": refused,
                "P9": vector,
                "busy": np.minimum(served * miss * per_miss / cores, 1),
                "queue": waiting,
                "served": served,
            }
            for name, value in series.items():
                kept.setdefault(name, []).append(np.array(value))
    return {name: np.array(values) for name, values in kept.items()}


def windows(series: NDArray, seconds: int = 300) -> NDArray:
    """Means of windows, shape [windows, evenings]."""
    count = len(series) // seconds
    return series[: count * seconds].reshape(count, seconds, -1).mean(1)


def p95(found: dict[str, NDArray]) -> float:
    """Median over the windows of the 95th percentile of hits and misses together."""
    values = []
    for start in range(0, len(found["miss"]) - 299, 300):
        part = {name: series[start : start + 300, 0] for name, series in found.items()}
        times = np.concatenate([part["hit_s"], part["miss_s"]])
        weights = np.concatenate([1 - part["miss"], part["miss"]])
        order = np.argsort(times)
        values.append(np.interp(0.95, np.cumsum(weights[order]) / weights.sum(), times[order]))
    return float(np.median(values))


def peak_rows(path: Path, level: float) -> dict[str, tuple[float, str]]:
    """The rows of a peak of two hours and three quarters, each with its range."""
    found = evening(path, 165, level)

    def median(name: str) -> float:
        return float(np.median(windows(found[name])))

    def worst(name: str) -> float:
        return float(np.sort(windows(found[name]), axis=0)[-3:].mean())

    return {
        "P1 mean, s": (median("mean"), "0.8-2"),
        "P2 p95, s": (p95(found), "2.5-3.5"),
        "P4 504, %": (100 * median("P4"), "2-3"),
        "P5 engine, %": (100 * median("P5"), "1-2"),
        "P6 LLM, %": (100 * float(windows(found["P6"]).mean()), "0.5-1"),
        "P7 429, %": (100 * median("P7"), "10-20"),
        "P9 vector, s": (median("P9"), "0.25-0.4"),
        "P12 busy, %": (100 * median("busy"), ">= 90"),
        "P12 busy, worst, %": (100 * worst("busy"), ">= 97"),
        "P12 queue, worst": (worst("queue"), "500-1000"),
    }


def storm(path: Path, demand: float) -> float:
    """Vector query after a viral upload (S1), s: most lists are gone, and a part of the index is linked anew."""
    asked = 0.85 * demand * path.starts * path.requests * path.asks
    engine = min(path.cores / (path.model + path.waiting_cost * 1.0), path.workers / (path.model + 1.0))
    return float(vector_s(path, np.minimum(np.array(0.8 * asked), engine), demand, work=path.update_slowdown))


def cascade(path: Path) -> float:
    """Workers held by the LLM in F1: a third more than the quota, in normal hours."""
    calls = np.array(1.33 * 500 / 60)
    refused = np.interp(calls, *quota(path.burst))
    held = LLM_S + path.llm_back * (refused + refused**2) + 11 * refused**3
    return float((calls - 0.85) * held)


def outage(path: Path) -> tuple[float, float]:
    """F4: share of evenings still overloaded half an hour behind, and the lowest goodput before, recommendations/s."""
    found = evening(path, 50, 1.0, halved=(10, 13))
    late = windows(found["P4"][-600:], 600)[0]
    return float((late > 0.1).mean()), float(windows(found["served"] * (1 - found["P4"]), 60).min())


def main() -> None:
    """Print what holds."""
    path = baseline()
    print(f"{'row':20} {'range':>9}   demand 0.97   1.00   1.03   1.00, nobody leaves")
    stay = replace(path, leave_failure=0.0, leave_slow=0.0)
    columns = [peak_rows(path, level) for level in (0.97, 1.0, 1.03)] + [peak_rows(stay, 1.0)]
    for name, (_, wanted) in columns[0].items():
        print(f"{name:20} {wanted:>9}   " + "   ".join(f"{column[name][0]:8.3g}" for column in columns))
    print(
        f"S1 vector query after a viral upload: 19:00 {storm(path, 1.0):.2f} s, 21:00 {storm(path, 3.0):.2f} s (0.8-1.2)"
    )
    print(f"F1 workers that the LLM holds: {cascade(path):.0f} of {path.workers:g}")
    lasting, lowest = outage(path)
    print(f"F4 evenings that do not recover: {100 * lasting:.0f} %, lowest goodput {lowest:.0f}/s")


if __name__ == "__main__":
    main()
