"""The cache against a real Redis: the same keys at the same moments, the same memory.

A client reads a key and, where it is not there, writes it. The server runs for the test alone, behind a socket in its
folder. Redis's own bytes for an entry (key, value, hash table) are measured: `maxmemory` is what is in use when as many
entries as wanted are there; the model has room for as many as the server held in the end. Both evict by the sampled
LRU of five, with clocks that tick once a second.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "kernels"))

from alone import Bench, of

from sfkernels import names, records
from sfkernels.caches import HIT, look_up, put

redis = pytest.importorskip("redis", reason="needs the Python package redis")
SERVER = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(SERVER is None, reason="needs redis-server, a package of most systems")

KEYS, REQUESTS = 8_000, 40_000
VALUE = "x" * 500
POINT = 0.01
"""How far hit rates may lie apart. Chance alone, of the samples, moves each by some 0.2 %."""


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A client of a server of its own."""
    with tempfile.TemporaryDirectory(prefix="sfr") as folder:  # short: a socket's path has 107 characters at most
        socket = f"{folder}/s"
        settings = {"port": "0", "unixsocket": socket, "dir": folder, "save": "", "appendonly": "no"}
        settings |= {"maxmemory-policy": "allkeys-lru", "maxmemory-samples": "5"}
        process = subprocess.Popen(
            [str(SERVER), *(word for name, value in settings.items() for word in (f"--{name}", value))],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        client = redis.Redis(unix_socket_path=socket, socket_timeout=10)
        try:
            _await(client)
            yield client
        finally:
            client.close()
            process.terminate()
            process.wait(10)


def _await(client: Any) -> None:
    for _ in range(100):
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("redis-server does not answer within 10 s")


@pytest.fixture(scope="module")
def keys() -> NDArray[np.int64]:
    """Zipf's law with exponent 1, over a finite number of keys."""
    weights = 1 / np.arange(1, KEYS + 1)
    return np.random.default_rng(20).choice(KEYS, REQUESTS, p=weights / weights.sum())


def bytes_of(server: Any, entries: int) -> int:
    """Memory in use when so many entries are there."""
    server.config_set("maxmemory", 0)
    server.flushall()
    with server.pipeline(transaction=False) as batch:
        for key in range(entries):
            batch.set(f"key:{key:05d}", VALUE)
        batch.execute()
    return int(server.info("memory")["used_memory"])


def hits_of_redis(
    server: Any, keys: NDArray[np.int64], maxmemory: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which requests hit, and when each was made, in s."""
    server.flushall()
    server.config_set("maxmemory", maxmemory)
    begin = np.floor(time.time())
    hits, times = np.zeros(len(keys), bool), np.zeros(len(keys))
    for n, key in enumerate(keys.tolist()):
        times[n] = time.time() - begin
        name = f"key:{key:05d}"
        hits[n] = server.get(name) is not None
        if not hits[n]:
            server.set(name, VALUE)
    return hits, times


@njit
def replay(
    clock, caches, stores, versions, population, pool, listed, user_rows, item_rows, cluster_rows, keys, times
):  # fmt: skip
    """Hits of the model."""
    hits = 0
    for n in range(len(keys)):
        clock[0].now = times[n]
        rows = user_rows, item_rows, cluster_rows
        if look_up(caches, 0, stores, versions, population, *rows, keys[n], times[n]) == HIT:
            hits += 1
        else:
            salt = np.uint64(n)
            put(clock, caches, 0, stores, versions, population, pool, listed, *rows, keys[n], salt, salt)
    return hits


def hits_of_the_model(keys: NDArray[np.int64], times: NDArray[np.float64], room: int) -> int:
    bench = Bench(
        size=1, caches=of(records.CACHE, key=names.KEY_ITEM, ttl=1e9, entry_size=1, store=0),
        stores=of(records.STORE, limit=room, clock=1.0, samples=5, capacity=1 << 20, salt=7),
        versions=of(records.VERSION), pool=of(records.POOLED, names.POOL), listed=np.zeros(1 << 20, np.uint64),
        user_rows=np.zeros((1, 1), np.uint64), item_rows=np.zeros((KEYS + 1, 1), np.uint64),
        cluster_rows=np.zeros((1, 1), np.uint64), population=of(records.POPULATION, count=1, items=KEYS, clusters=1),
    )  # fmt: skip
    return int(bench.call(replay, keys=keys, times=times))


def test_with_memory_for_all_the_same_requests_hit(server: Any, keys: NDArray[np.int64]) -> None:
    hits, times = hits_of_redis(server, keys, maxmemory=0)
    assert hits.sum() == REQUESTS - len(set(keys.tolist())) == hits_of_the_model(keys, times, KEYS)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_hit_rates_with_less_memory(server: Any, keys: NDArray[np.int64], share: float) -> None:
    wanted = round(share * KEYS)
    hits, times = hits_of_redis(server, keys, bytes_of(server, wanted))
    room = server.dbsize()
    assert room == pytest.approx(wanted, rel=0.1), "buffers of clients take the room of some entries, not of many"
    found, expected = hits_of_the_model(keys, times, room) / REQUESTS, hits.mean()
    print(f"room for {share:.0%}: Redis {expected:.2%}, model {found:.2%}")
    assert abs(found - expected) < POINT
