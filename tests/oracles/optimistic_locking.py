"""N clients change one row under optimistic locking: the setting of an article, in plain Python.

Brooker, M.: Exponential Backoff And Jitter. AWS Architecture Blog, 2015; with its numbers as in the article's own
simulation, aws-samples/aws-arch-backoff-simulator: a message takes 10 ms with a standard deviation of 2 ms, the base
is 5 ms, the cap 2 s. A client reads the row's version, then writes under it; a write under an old version fails, and
the client reads again after its delay. All start at once, and each stops with its first success. Work is the number
of writes tried; the time is that until the last client knows of its success.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from random import Random

MESSAGE_S, SPREAD_S = 0.010, 0.002
BASE_S, CAP_S = 0.005, 2.0

Delays = Callable[[Random], Iterator[float]]


def none(random: Random) -> Iterator[float]:
    while True:
        yield 0.0


def exponential(random: Random) -> Iterator[float]:
    """Failure k = 1, 2, … waits min(cap, base·2^k)."""
    k = 0
    while True:
        k += 1
        yield min(CAP_S, BASE_S * 2**k)


def full(random: Random) -> Iterator[float]:
    for longest in exponential(random):
        yield random.uniform(0, longest)


def equal(random: Random) -> Iterator[float]:
    for longest in exponential(random):
        yield longest / 2 + random.uniform(0, longest / 2)


def decorrelated(random: Random) -> Iterator[float]:
    """A wait is at most three times the one before it; the first that of the base."""
    wait = BASE_S
    while True:
        wait = min(CAP_S, random.uniform(BASE_S, 3 * wait))
        yield wait


POLICIES: dict[str, Delays] = {
    "none": none,
    "exponential": exponential,
    "full": full,
    "equal": equal,
    "decorrelated": decorrelated,
}


def contend(policy: str, clients: int, seed: int) -> tuple[int, float]:
    """Number of writes tried, and the time until all have succeeded, s."""
    random = Random(seed)
    delays = [POLICIES[policy](random) for _ in range(clients)]
    known: list[int | None] = [None] * clients
    version = writes = 0
    finished_s = 0.0

    def message_s() -> float:
        return abs(random.gauss(MESSAGE_S, SPREAD_S))

    reaches = [(message_s(), client) for client in range(clients)]
    heapq.heapify(reaches)
    while reaches:
        now_s, client = heapq.heappop(reaches)
        if known[client] is None:
            known[client] = version
            heapq.heappush(reaches, (now_s + message_s() + message_s(), client))
            continue
        writes += 1
        answered_s = now_s + message_s()
        if known[client] == version:
            version += 1
            finished_s = max(finished_s, answered_s)
        else:
            known[client] = None
            heapq.heappush(reaches, (answered_s + next(delays[client]) + message_s(), client))
    return writes, finished_s
