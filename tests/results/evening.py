"""A made-up evening of a small platform: known numbers, in the form in which the engine hands them over."""

from __future__ import annotations

import numpy as np

from sfmodel.results.variables import OUTCOMES, coordinates, declare, latency_bin

LABELS = {
    "service": ["gateway", "engine", "cache"],
    "endpoint": ["gateway.recommend", "engine.recommend", "cache.get"],
    "station": ["engine.workers", "engine.cpu", "cache.core"],
    "call": ["gateway.recommend>engine.recommend", "engine.recommend>cache.get"],
    "cache": ["engine.recommendations"],
    "limiter": ["engine.llm"],
    "queue": ["engine.mail"],
    "request": ["casual.recommend", "casual.browse"],
    "cause": ["who asked", "network", "engine", "engine.workers"],
}
COUNTERS = {"llm_cost": ("USD", "Cost of the LLM")}

Values = dict[str, np.ndarray]


def window_values(k: int, labels: dict[str, list[str]] = LABELS, load: float = 1.0) -> Values:
    """Values of window k: 100·load requests for each endpoint and class, 90 % ok, lognormal around 0.1·load s."""
    sizes = {dim: len(values) for dim, values in coordinates(labels).items()}
    declared = declare(labels, COUNTERS)
    values: Values = {name: np.zeros(found.shape(sizes), found.dtype) for name, found in declared.items()}
    requests = round(100 * load)
    random = np.random.default_rng(k)
    for of, dim in (("endpoint", "endpoint"), ("call", "call"), ("users", "request")):
        if f"{of}_outcomes" not in values:
            continue
        durations_s = 0.1 * load * np.exp(0.5 * random.standard_normal((sizes[dim], requests)))
        for row in range(sizes[dim]):
            values[f"{of}_latency"][row] = np.bincount(latency_bin(durations_s[row]), minlength=sizes["latency"])
        values[f"{of}_time"][:] = durations_s.sum(axis=1)
        values[f"{of}_outcomes"][:, OUTCOMES.index("ok")] = requests - requests // 10
        values[f"{of}_outcomes"][:, OUTCOMES.index("timeout")] = requests // 10
    constants = {
        "endpoint_arrivals": requests, "call_attempts": requests, "users_requests": requests,
        "station_arrivals": requests, "station_servers": 4.0, "station_busy": 10.0 * load, "station_queue": 50.0 * load,
        "station_queue_max": k, "station_waiting": k, "station_starts": requests, "station_ends": requests,
        "station_wait": 5.0, "cache_hits": 80, "cache_misses": 20, "limiter_passed": 85, "limiter_refused": 15,
        "queue_length_max": k, "views": 30, "views_lost": 3, "llm_cost": 0.5, "demand": load,
    }  # fmt: skip
    for name, value in constants.items():
        if name in values:
            values[name][...] = value
    return values
