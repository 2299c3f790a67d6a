"""The chain of conf/platform/chain.yaml in SimPy, as its documentation would write it: a process per request."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import simpy

RATE = 1500.0
WARMUP_S = 5.0


@dataclass(frozen=True)
class Measured:
    """What a run of the chain showed."""

    requests: int
    seconds: float
    mean_s: float
    p95_s: float


class Chain:
    """Six services; every `with resource.request()` is a server that a request occupies."""

    def __init__(self, workers: int, seed: int) -> None:
        """Build the stations of an idle chain."""
        self.env = env = simpy.Environment()
        self.exponential = random.Random(seed).expovariate
        self.uniform = random.Random(seed + 1).random
        self.auth = simpy.Resource(env, 64)
        self.profile = simpy.Resource(env, 128)
        self.workers = simpy.Resource(env, workers)
        self.cpu = simpy.Resource(env, 256)
        self.queries = simpy.Resource(env, 300)
        self.slots = simpy.Resource(env, 10)
        self.requests = 0
        self.durations: list[float] = []

    def source(self) -> Iterator[simpy.Event]:
        """Poisson arrivals."""
        while True:
            yield self.env.timeout(self.exponential(RATE))
            self.requests += 1
            self.env.process(self.recommendations())

    def recommendations(self) -> Iterator[simpy.Event]:
        """One request, from its arrival at the gateway to its answer."""
        env = self.env
        started = env.now
        yield env.timeout(0.005)
        with self.auth.request() as server:
            yield server
            yield env.timeout(self.exponential(1 / 0.025))
        with self.profile.request() as server:
            yield server
            yield env.timeout(self.exponential(1 / 0.050))
        with self.workers.request() as worker:
            yield worker
            yield env.timeout(0.005)
            if self.uniform() >= 0.8:
                yield from self.recommend()
        if started >= WARMUP_S:
            self.durations.append(env.now - started)

    def recommend(self) -> Iterator[simpy.Event]:
        """A miss: the engine does the work while it holds its worker."""
        env = self.env
        with self.queries.request() as query:
            yield query
            yield env.timeout(self.exponential(1 / 0.180))
        if self.uniform() < 0.01:
            with self.slots.request() as slot:
                yield slot
                yield env.timeout(self.exponential(1 / 0.800))
        with self.cpu.request() as core:
            yield core
            yield env.timeout(self.exponential(1 / 0.125))
        yield env.timeout(0.010)


def run_chain(until_s: float, workers: int = 600, seed: int = 1) -> Measured:
    """Simulate the chain in SimPy."""
    chain = Chain(workers, seed)
    chain.env.process(chain.source())
    started = time.perf_counter()
    chain.env.run(until=until_s)
    seconds = time.perf_counter() - started
    durations = np.array(chain.durations)
    return Measured(chain.requests, seconds, float(durations.mean()), float(np.quantile(durations, 0.95)))
