"""A station against a twin: admission, order, fewer and more servers, waiters, integrals."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from alone import INTERPRETED, Bench, linked, of
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkernels import names, records
from sfkernels.stations import account, join, leave, serve, unqueue

pytestmark = pytest.mark.interpreted

ORDERS = {"fifo": names.FIFO, "lifo": names.LIFO, "priority": names.PRIORITY}


@dataclass
class Twin:
    """docs/model.md, section 3."""

    servers: float
    limit: int
    order: str
    cost: float
    waiters: int = 0
    serving: int = 0
    queue: list[tuple[int, int, float]] = field(default_factory=list)
    rejected: int = 0
    waited: float = 0.0
    queue_integral: float = 0.0
    busy: float = 0.0
    now: float = 0.0

    def pass_time(self, dt: float) -> None:
        self.now += dt
        self.queue_integral += dt * len(self.queue)
        self.busy += dt * max(self.serving, min(self.servers, self.serving + self.cost * self.waiters))

    def is_free(self) -> bool:
        fits = self.serving + 1 + self.cost * self.waiters <= self.servers + 1e-9
        return fits or (self.serving == 0 and self.servers >= 1)

    def join(self, task: int, priority: int) -> int:
        if self.is_free() and not self.queue:
            self.serving += 1
            return 2
        if len(self.queue) >= self.limit:
            self.rejected += 1
            return 0
        self.queue.append((task, priority, self.now))
        return 1

    def serve(self) -> list[int]:
        started = []
        while self.queue and self.is_free():
            if self.order == "lifo":
                chosen = self.queue[-1]
            elif self.order == "priority":
                chosen = min(self.queue, key=lambda entry: entry[1])
            else:
                chosen = self.queue[0]
            self.queue.remove(chosen)
            self.serving += 1
            self.waited += self.now - chosen[2]
            started.append(chosen[0])
        return started


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "join", "join", "leave", "leave", "unqueue", "servers", "waiters"]),
        st.integers(0, 3),
        st.sampled_from([0, 0, 0.25, 1]),
    ),
    max_size=25 if INTERPRETED else 100,
)


@settings(max_examples=15 if INTERPRETED else 300, deadline=None, derandomize=True)
@given(STEPS, st.sampled_from([0, 1, 2.5, 4]), st.sampled_from([0, 2, 100]), st.sampled_from(list(ORDERS)),
       st.sampled_from([0, 0.25]))  # fmt: skip
def test_a_station_does_as_its_twin(steps: list, servers: float, limit: int, order: str, cost: float) -> None:
    bench = Bench(
        size=128, stations=of(records.STATION, servers=servers, speed=1, limit=limit, order=ORDERS[order], patience=-1,
                              waiting_cost=cost, **{f"{end}{n}": -1 for end in ("head", "tail") for n in range(4)}),
    )  # fmt: skip
    bench.ops["code"], bench.ops["slow_count"] = names.OP_HOLD, 0
    twin = Twin(servers, limit, order, cost)
    for task, (verb, number, wait) in enumerate(steps):
        bench.now += wait
        bench.call(account, s=0, now=bench.now)
        twin.pass_time(wait)
        started: list[int] = []
        if verb == "join":
            bench.tasks["priority"][task] = number
            assert bench.call(join, s=0, i=task) == twin.join(task, number)
        elif verb == "leave" and twin.serving:
            bench.call(leave, s=0)
            twin.serving -= 1
            started = twin.serve()
        elif verb == "unqueue" and twin.queue:
            gone = twin.queue.pop(number % len(twin.queue))
            bench.call(unqueue, s=0, i=gone[0])
            # its place was not what kept others waiting: nobody starts
        elif verb == "servers":
            bench.stations["servers"] = twin.servers = number
            bench.call(serve, s=0)
            started = twin.serve()
        elif verb == "waiters" and cost:
            bench.stations["waiters"] = twin.waiters = number
            bench.call(serve, s=0)
            started = twin.serve()
        assert bench.made_ready() == started
        s = bench.stations[0]
        assert (s["in_service"], s["waiting"], s["rejected"]) == (twin.serving, len(twin.queue), twin.rejected)
        waiting = [task for level in range(4) for task in linked(bench.tasks, s[f"head{level}"])]
        assert sorted(waiting) == sorted(entry[0] for entry in twin.queue)
        found = [float(s[name]) for name in ("queue", "wait", "busy")]
        np.testing.assert_allclose(found, [twin.queue_integral, twin.waited, twin.busy], atol=1e-9)


def test_service_time_by_the_scalability_law() -> None:
    # D = 1 s, σ = 0.1, κ = 0.01, speed 2: the third to start lasts (1 + 0.2 + 0.06)/2 = 0.63 s
    bench = Bench(
        size=16, stations=of(records.STATION, servers=8, speed=2, limit=9, serial=0.1, crosstalk=0.01, contended=1, patience=-1),
        durations=of(records.DURATION, kind=names.CONSTANT, a=1),
    )  # fmt: skip
    bench.ops["code"] = names.OP_USE
    for task in range(3):
        bench.call(join, s=0, i=task)
    assert [(task, pytest.approx(time)) for time, task, _ in bench.events(2)] == [(0, 0.5), (1, 0.56), (2, 0.63)]
