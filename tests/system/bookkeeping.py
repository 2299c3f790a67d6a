"""Identities that hold at the end of every window, whatever the platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfkernels import names
from sfmodel.changing import change
from sfmodel.engine import Simulation, prepare, simulate
from sfmodel.schema import parse_run
from sfmodel.schema.references import check_references

Values = dict[str, NDArray]


class Books:
    """Checks each window of a run that starts empty (no warm-up), and the pools."""

    def __init__(self, simulation: Simulation) -> None:
        self.world = simulation.world
        self.before: Values | None = None
        self.sums: Values = {}
        ops = self.world.arrays["ops"]
        self.sends = set(ops["a"][ops["code"] == names.OP_SEND])

    def window(self, k: int, end_s: float, values: Mapping[str, NDArray]) -> None:
        """Check the window that has just ended."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0) + value.astype(np.int64 if value.dtype.kind in "iu" else float)
        self.endpoints(values)
        self.stations(values)
        self.calls()
        self.users()
        self.queues()
        self.caches()
        self.pools()
        self.before = {name: value.copy() for name, value in values.items()}

    def change(self, values: Mapping[str, NDArray], name: str) -> NDArray:
        """What a state has gained in the window."""
        return values[name] - (0 if self.before is None else self.before[name])

    def endpoints(self, v: Mapping[str, NDArray]) -> None:
        """Arrivals are outcomes and what is more in flight; histograms and sums belong to the outcomes."""
        ended = v["endpoint_outcomes"].sum(axis=1)
        same(v["endpoint_arrivals"], ended + self.change(v, "endpoint_in_flight"), "endpoint")
        same(v["endpoint_latency"].sum(axis=1), ended, "endpoint latencies")
        same(v["endpoint_latency_ok"].sum(axis=1), v["endpoint_outcomes"][:, names.OK], "endpoint latencies, ok")
        assert (v["endpoint_wasted"] <= ended).all()
        assert (v["endpoint_in_flight"] >= 0).all()
        assert (v["endpoint_time_ok"] <= v["endpoint_time"] + 1e-9).all()

    def stations(self, v: Mapping[str, NDArray]) -> None:
        """Who asks starts, is turned away, leaves or waits; who starts ends or is in service."""
        gone = v["station_starts"] + v["station_rejected"] + v["station_expired"] + v["station_left"]
        same(v["station_arrivals"], gone + self.change(v, "station_waiting"), "station, queue")
        same(v["station_starts"], v["station_ends"] + self.change(v, "station_in_service"), "station, service")
        assert (v["station_waiting"] <= v["station_queue_max"]).all()
        assert (v["station_waiting"] >= 0).all()
        assert (v["station_in_service"] >= 0).all()
        assert (v["station_burnt"] <= v["station_busy"] + 1e-9).all()

    def calls(self) -> None:
        """Attempts are outcomes and what is in flight; a site that only sends has no replies."""
        tasks = self.world.arrays["tasks"]
        pending = (tasks["state"] != names.FREE) & (tasks["parent"] >= 0) & (tasks["site"] >= 0)
        sites = len(self.sums["call_attempts"])
        in_flight = np.bincount(tasks["site"][pending], minlength=sites)
        waits = np.array([k not in self.sends for k in range(sites)], dtype=bool)
        ended = self.sums["call_outcomes"].sum(axis=1)
        same(self.sums["call_attempts"][waits], (ended + in_flight)[waits], "call")

    def users(self) -> None:
        """Requests are answers and requests under way; sessions are over, asleep or under way."""
        tasks = self.world.arrays["tasks"]
        under_way = (tasks["state"] != names.FREE) & (tasks["marks"] & names.USER > 0)
        if len(self.sums["users_requests"]):
            requests = self.sums["users_requests"].sum()
            assert requests == self.sums["users_outcomes"].sum() + under_way.sum()
            if not self.world.arrays["population"]["closed"][0]:
                clock = self.world.arrays["clock"][0]
                awake = clock["sessions_started"] - clock["sessions_ended"] - clock["thinking"] - clock["retrying"]
                assert awake == under_way.sum()

    def queues(self) -> None:
        """Messages are delivered, failed, dropped, waiting or being handled."""
        queues, tasks = self.world.arrays["queues"], self.world.arrays["tasks"]
        handling = (tasks["state"] != names.FREE) & (tasks["marks"] & names.HANDLER > 0)
        taken = np.bincount(tasks["queue"][handling], tasks["batch"][handling], len(queues))
        done = queues["delivered"] + queues["failed"] + queues["dropped"]
        same(queues["published"], done + queues["waiting"] + taken.astype(np.int64), "queue")
        same(queues["busy"], np.bincount(tasks["queue"][handling], minlength=len(queues)), "consumers")
        if len(queues):
            left = self.world.arrays["clock"]["messages_left"][0]
            assert len(self.world.arrays["messages"]) - left == queues["waiting"].sum() + taken.sum()

    def caches(self) -> None:
        """Entries counted are entries there; a store's memory is theirs, and within the limit."""
        a = self.world.arrays
        caches, stores = a["caches"], a["stores"]
        rows = {names.KEY_USER: "user_rows", names.KEY_ITEM: "item_rows"}
        for cache in caches:
            column = a[rows.get(int(cache["key"]), "cluster_rows")][:, cache["column"]]
            assert cache["entries"] == (column & np.uint64(1)).sum()
        for m, store in enumerate(stores):
            mine = caches[caches["store"] == m]
            assert np.isclose(store["used"], (mine["entries"] * mine["entry_size"]).sum())
            assert store["used"] + store["reserved"] <= store["limit"] + 1e-6 or store["used"] == 0

    def pools(self) -> None:
        """What is not free is in use, and what says it is free is on the free list."""
        a = self.world.arrays
        clock, tasks = a["clock"][0], a["tasks"]
        assert clock["tasks_left"] == (tasks["state"] == names.FREE).sum()
        for pool, links, free, left in (
            ("tasks", tasks["next"], "task_free", "tasks_left"),
            ("nodes", a["nodes"]["next"], "node_free", "nodes_left"),
            ("messages", a["messages"]["next"], "message_free", "messages_left"),
            ("flights", a["flights"]["next"], "flight_free", "flights_left"),
            ("chunks", a["chunk_next"], "chunk_free", "chunks_left"),
        ):
            assert length_of(links, int(clock[free])) == clock[left], pool

    def little(self) -> None:
        """All who waited have been served: the integral of the queue is the sum of their waits."""
        done = (self.sums["station_expired"] + self.sums["station_left"] == 0) & (self.before["station_waiting"] == 0)
        np.testing.assert_allclose(
            self.sums["station_queue"][done], self.sums["station_wait"][done], rtol=1e-9, atol=1e-9
        )
        assert done.any()


def same(found: NDArray, expected: NDArray, what: str) -> None:
    """Assert that whole numbers are equal."""
    np.testing.assert_array_equal(found, expected, err_msg=what)


def length_of(links: NDArray, first: int) -> int:
    """Length of a linked list; fails where it runs in a circle."""
    n, following = 0, links.tolist()
    while first >= 0:
        n, first = n + 1, following[first]
        assert n <= len(following)
    return n


def booked(mapping: Mapping[str, Any]) -> tuple[Simulation, Books]:
    """Run with every window checked."""
    run = parse_run(mapping)
    check_references(run)
    simulation = prepare(run)
    books = Books(simulation)
    simulate(simulation, books.window)
    return simulation, books


def drained(simulation: Simulation, seconds: float) -> bool:
    """Stop all arrivals, give every station a server, go on for so long: then nothing is under way.

    False where a script is so written that it waits for itself: of that nothing is asserted.
    """
    world = simulation.world
    a = world.arrays
    a["population"]["closed"], a["types"]["requests"] = 0, 1
    a["stations"]["servers"] = np.maximum(a["stations"]["servers"], 1)
    a["queues"]["consumers"] = np.maximum(a["queues"]["consumers"], 1)
    change(world, simulation.plan.stretches[-1])
    a["sources"]["count"], a["sources"]["every"] = 0, np.inf
    with np.errstate(over="ignore"):
        world.advance(simulation.run.until + seconds)
    tasks, stations = a["tasks"], a["stations"]
    if waits_for_itself(a):
        return False
    assert (tasks["state"] == names.FREE).all(), np.unique(tasks["state"])
    for field in ("in_service", "waiting", "waiters"):
        assert (stations[field] == 0).all(), field
    assert (a["replicas"]["tasks"] == 0).all()
    assert (a["endpoint_meters"]["in_flight"] == 0).all()
    assert a["clock"]["flights_left"][0] == len(a["flights"])
    assert (a["queues"]["busy"] == 0).all()
    return True


def waits_for_itself(a: Mapping[str, NDArray]) -> bool:
    """Tell whether a lookup waits for the fetch of a task that waits for it: a script may be so written."""
    tasks = a["tasks"]
    for i in np.flatnonzero(tasks["state"] == names.COALESCED):
        first = i
        while first not in a["flights"]["head"]:
            (first,) = np.flatnonzero((tasks["state"] == names.COALESCED) & (tasks["next"] == first))
        leader = a["flights"]["leader"][a["flights"]["head"] == first][-1]
        above = tasks["parent"][i]
        while above >= 0:
            if above == leader:
                return True
            above = tasks["parent"][above]
    return False


__all__ = ["Books", "booked", "drained", "same"]
