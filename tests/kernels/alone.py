"""One kernel by itself: arrays by the names of its arguments, records that plain Python can read too."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from sfkernels import names, records

INTERPRETED = bool(numba.config.DISABLE_JIT)


def fewer(compiled: int, interpreted: int) -> int:
    """Size of a test: smaller where kernels run as plain Python."""
    return interpreted if INTERPRETED else compiled


def of(dtype: np.dtype, length: int = 1, /, **fields: Any) -> Any:
    """Records, zero but for the fields given."""
    array = np.zeros(length, dtype).view(np.recarray)
    for name, value in fields.items():
        array[name] = value
    return array


def chained(array: Any) -> Any:
    """All slots linked as free."""
    array["next"] = np.append(np.arange(1, len(array)), -1)
    return array


class Bench:
    """Arrays under the names of kernels' arguments."""

    def __init__(self, tick: float = 0.001, size: int = 4096, **arrays: Any) -> None:
        self.arrays: dict[str, Any] = {
            "clock": of(records.CLOCK, tick=tick, per_tick=1 / tick, slot=1, nodes_left=size, tasks_left=size,
                        messages_left=size, flights_left=size, chunks_left=size),
            "nodes": chained(of(records.NODE, size)), "tasks": chained(of(records.TASK, size)),
            "messages": chained(of(records.MESSAGE, size)), "flights": chained(of(records.FLIGHT, size)),
            "batch": of(records.DUE, size), "late": of(records.DUE, size),
            "ready": np.zeros(size, np.int32), "buckets": np.full(names.NB + names.NC, -1, np.int32),
            "flight_buckets": np.full(names.FLIGHT_BUCKETS, -1, np.int32),
            "ops": of(records.OP), "durations": of(records.DURATION), "values": np.zeros(1),
            "slowdowns": of(records.SLOWDOWN), "totals": np.zeros(1), "replicas": of(records.REPLICA),
            "population": of(records.POPULATION, count=1, items=1, clusters=1, skew=1),
            "user_rows": np.zeros((2, 1), np.uint64), "item_rows": np.zeros((2, 1), np.uint64),
        }  # fmt: skip
        self.arrays.update(arrays)

    def __getattr__(self, name: str) -> Any:
        return self.arrays[name]

    def call(self, kernel: Callable[..., Any], **values: Any) -> Any:
        """Call a kernel; what is no array is given."""
        wanted = inspect.signature(getattr(kernel, "py_func", kernel)).parameters
        with np.errstate(over="ignore"):
            return kernel(*[values[name] if name in values else self.arrays[name] for name in wanted])

    @property
    def now(self) -> float:
        return float(self.clock["now"][0])

    @now.setter
    def now(self, time: float) -> None:
        self.clock["now"] = time

    def made_ready(self) -> list[int]:
        """Tasks made ready since the last look."""
        head, tail = int(self.clock["ready_head"][0]), int(self.clock["ready_tail"][0])
        self.clock["ready_head"] = tail
        return [int(self.ready[place & (len(self.ready) - 1)]) for place in range(head, tail)]

    def next_event(self, until: float) -> tuple[float, int, int, int] | None:
        """Take out the next event before a time: (time, task, gen, order)."""
        from sfkernels.calendar import free_node, open_bucket, pop_late, turn

        clock = self.clock
        while True:
            at, count, late = (int(clock[name][0]) for name in ("batch_at", "batch_count", "late_count"))
            if at == count and late == 0:
                bucket = int(clock["bucket"][0]) + 1
                if bucket > until / clock["tick"][0]:
                    return None
                clock["bucket"] = bucket
                if bucket % names.NB == 0:
                    self.call(turn)
                if self.buckets[bucket % names.NB] >= 0:
                    self.call(open_bucket)
                continue
            node = int(self.batch["node"][at]) if at < count else -1
            if late and (node < 0 or self.key(int(self.late["node"][0])) < self.key(node)):
                node = int(self.call(pop_late))
            else:
                clock["batch_at"] = at + 1
            here = self.nodes[node]
            event = float(here["time"]), int(here["task"]), int(here["gen"]), int(here["order"])
            self.call(free_node, node=node)
            return event

    def events(self, until: float) -> list[tuple[float, int, int]]:
        """Take out all events before a time, in their order: (time, task, gen)."""
        taken = []
        while (event := self.next_event(until)) is not None:
            taken.append(event[:3])
        return taken

    def key(self, node: int) -> tuple[float, int]:
        """Time and order of an event."""
        return float(self.nodes["time"][node]), int(self.nodes["order"][node])


def linked(array: NDArray, first: int) -> list[int]:
    """Slots of a linked list."""
    found: list[int] = []
    for _ in itertools.repeat(None, len(array) + 1):
        if first < 0:
            return found
        found.append(int(first))
        first = array["next"][first]
    raise AssertionError("the list runs in a circle")
