"""The world of a run: all state, allocated once, grown where a pool runs short.

Nothing here decides anything; the kernels do. A world is a dict of arrays under the names of the
arguments of `sfkernels.advance.advance`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from sfkernels import advance as engine
from sfkernels import names
from sfkernels.records import (
    CALL_METER,
    CAUSE_METER,
    CLOCK,
    DUE,
    ENDPOINT_METER,
    FLIGHT,
    MESSAGE,
    NODE,
    POOLED,
    REQUEST_METER,
    SLEEPER,
    SPAN,
    TASK,
)  # fmt: skip
from sfmodel.errors import RunError
from sfmodel.memory import available_bytes
from sfmodel.plan import Plan
from sfmodel.plan.salts import salt
from sfmodel.plan.stretch import Stretch

LINE = 64

_ENTRIES = (
    engine.start, engine.resume, engine.begin, engine.warm, engine.advance, engine.close_window, engine.apply_changes,
    engine.due_next,
)  # fmt: skip


def rows_shape(count: int, columns: int) -> tuple[int, int]:
    """Shape of the rows of one kind of key, one more for no key; rows never lie across two cache lines."""
    if columns == 0:
        return 1, 1
    width = 1 << (columns - 1).bit_length() if columns <= 8 else -(-columns // 8) * 8
    return count + 1, width


def rows_of(plan: Plan) -> dict[str, tuple[int, int]]:
    """Shape of the rows of each kind of key, by the name of their array."""
    counts = {"user": plan.population, "item": plan.items, "cluster": plan.clusters}
    return {f"{kind}_rows": rows_shape(count, plan.columns[kind]) for kind, count in counts.items()}


STARTING = ("caches", "sources", "services", "scalers", "stores")
"""Things that do something by themselves from their first moment on."""

WORTH_CHECKING = 64_000_000
"""Bytes of a growing array from which on the memory is asked for first."""

OTHER_BYTES = 300_000_000
"""Everything that does not grow with the platform: the interpreter, the compiled kernels, the results' buffers."""


def bytes_needed(plan: Plan) -> dict[str, int]:
    """Bytes of what grows with users, with items, with tastes, and with tasks that may begin at once."""
    sizes = {"users": (plan.population, "user"), "items": (plan.items, "item"), "clusters": (plan.clusters, "cluster")}
    needed = {what: 8 * int(np.prod(rows_shape(n, plan.columns[kind]))) for what, (n, kind) in sizes.items()}
    tasks, nodes = first_sizes(plan.task_reserve)
    needed["tasks"] = tasks * (TASK.itemsize + 4) + nodes * (NODE.itemsize + 2 * DUE.itemsize)
    return needed


def total_bytes(plan: Plan) -> int:
    """Bytes that a run of this plan needs, everything included."""
    return sum(bytes_needed(plan).values()) + OTHER_BYTES


def first_sizes(reserve: int) -> tuple[int, int]:
    """Tasks and nodes of the calendar that there is room for at first; both are powers of two."""
    return 1 << max(12, (2 * reserve).bit_length()), 1 << max(13, (8 * reserve).bit_length())


def check_memory(plan: Plan) -> None:
    """Refuse a world that does not fit into the memory that is available; nothing is allocated before.

    Raises
    ------
    RunError
        Says what is needed, what is there, and what would fit.
    """
    needed, available, total = bytes_needed(plan), available_bytes(), total_bytes(plan)
    if total <= available:
        return
    counts = {"users": plan.population, "items": plan.items, "clusters": plan.clusters, "tasks": plan.task_reserve}
    most = max(needed, key=lambda what: needed[what])
    fits = _rounded_down(counts[most] * (available - total + needed[most]) / needed[most])
    remedy = {
        "users": f"use fewer, such as users={fits}",
        "items": f"use fewer, such as items={fits}",
        "clusters": f"use fewer, such as platform.content.clusters={fits}",
        "tasks": "use smaller batches, fewer consumers, fewer servers of autoscaling",
    }[most]
    raise RunError(
        f"not enough memory: {counts['users']:,} users, {counts['items']:,} items and {counts['tasks']:,} tasks at once "
        f"need {total / 1e9:,.1f} GB, {available / 1e9:,.1f} GB are available; "
        + (remedy if fits > 0 else "free memory, or use another machine")
    )


def _rounded_down(number: float) -> int:
    """A number with its first digit alone: what is easily typed."""
    if number < 1:
        return 0
    scale = 10 ** (len(str(int(number))) - 1)
    return int(number) // scale * scale


def aligned_zeros(shape: tuple[int, int]) -> NDArray[np.uint64]:
    """Zeros that begin at a cache line; pages are taken when they are first touched."""
    n = shape[0] * shape[1]
    raw = np.zeros(n + LINE // 8, np.uint64)
    skip = (-raw.ctypes.data % LINE) // 8
    return raw[skip : skip + n].reshape(shape)


def _room_for_spans(limit: int) -> NDArray:
    """Spans that may be written; their memory is taken where it is written."""
    try:
        return np.zeros(limit, SPAN)
    except MemoryError:
        raise RunError(
            f"not enough memory: {limit:,} spans need {limit * SPAN.itemsize / 1e9:,.1f} GB; use fewer with trace.limit=…"
        ) from None


def meters(stretch: Stretch) -> dict[str, NDArray]:
    """What is counted of each endpoint, call site and class of requests, empty."""
    found: dict[str, NDArray] = {}
    for what, count, meter in (
        ("endpoint", len(stretch.index.endpoints), ENDPOINT_METER),
        ("call", len(stretch.scripts.sites), CALL_METER),
        ("request", len(stretch.index.requests), REQUEST_METER),
    ):
        found[f"{what}_meters"] = np.zeros(count, meter)
        found[f"{what}_outcomes"] = np.zeros((count, len(names.OUTCOMES)), np.int64)
        found[f"{what}_latency"] = np.zeros((count, names.LATENCY_BINS), np.uint32)
    found["endpoint_latency_ok"] = np.zeros_like(found["endpoint_latency"])
    found["endpoint_causes"] = np.zeros((len(stretch.index.endpoints), len(stretch.index.causes)), CAUSE_METER)
    return found


def make_ready(arrays: dict[str, NDArray], now: float, seed: int, first: Mapping[str, int] | None = None) -> None:
    """Things from these numbers on begin now, with the draws of this seed."""
    for name in ("stations", "queues"):
        arrays[name]["updated"][(first or {}).get(name, 0) :] = now
    for name, what in (("services", "service"), ("caches", "cache"), ("stores", "store"), ("queues", "queue")):
        arrays[name]["salt"][(first or {}).get(name, 0) :] ^= salt(what, "seed", str(seed))
    scalers = arrays["scalers"][(first or {}).get("scalers", 0) :]
    scaled = arrays["stations"][scalers["station"]]
    scalers["marked"], scalers["busy_before"] = now, scaled["busy"]
    scalers["wait_before"], scalers["starts_before"] = scaled["wait"], scaled["starts"]
    scalers["ends_before"], scalers["pressed_before"] = scaled["ends"], scaled["rejected"] + scaled["queue"]


def _is_arrival(nodes: NDArray) -> NDArray[np.bool_]:
    """Which events are a source's next arrival."""
    classes = nodes["order"] >> np.uint64(names.CLASS_SHIFT)
    return (classes == names.CLASS_SOURCE) | ((classes == names.CLASS_USER) & (nodes["gen"] >> np.uint32(16) == 0))


_NOTHING, _NEVER = names.CLASS_TIMER << names.CLASS_SHIFT | names.TIMER_HEDGE, np.iinfo(np.uint32).max
"""Order and generation of an event that means nothing any more: a hedge for a call that is over."""


def _chain(array: NDArray, field: str | None, first: int) -> None:
    """Link the free slots from `first` on, the last to nothing."""
    n = len(array)
    following = np.arange(first + 1, n + 1, dtype=np.int32)
    following[-1:] = -1
    if field is None:
        array[first:] = following
    else:
        array[field][first:] = following


class World:
    """State of one run, and the few things that are done to it from outside the kernels."""

    def __init__(self, plan: Plan, seed: int, trace_one_in: int = 0, span_limit: int = 0) -> None:
        """Allocate everything for a plan; time is the plan's beginning."""
        self.plan, self.seed = plan, seed
        self.stretch = plan.stretches[0]
        """What acts now."""
        self.arrays: dict[str, NDArray] = {name: array.copy() for name, array in plan.arrays.items()}
        a = self.arrays
        a["sources"] = a["sources"][: len(self.stretch.index.sources)].copy()
        a["clock"] = np.zeros(1, CLOCK)
        a["buckets"] = np.full(names.NB + names.NC, -1, np.int32)
        a["slot_head"] = np.full(names.NS, -1, np.int32)
        a["slot_fill"] = np.zeros(names.NS, np.int32)
        a["pool"] = np.zeros(max(1, len(a["stores"])) * names.POOL, POOLED)
        a["flight_buckets"] = np.full(names.FLIGHT_BUCKETS, -1, np.int32)
        a["doomed"] = np.zeros(0, np.int64)
        a["spans"] = _room_for_spans(span_limit if trace_one_in else 0)
        for name, shape in rows_of(plan).items():
            a[name] = aligned_zeros(shape)
        a["user_rows_float"] = a["user_rows"].view(np.float64)
        a["item_rows_float"] = a["item_rows"].view(np.float64)
        for name, array in meters(self.stretch).items():
            a[name] = array
        self._start_clock(seed, trace_one_in)
        self._allocate_pools()
        make_ready(a, plan.begin_s, seed)

    @classmethod
    def restored(
        cls,
        plan: Plan,
        seed: int,
        stretch: Stretch,
        arrays: dict[str, NDArray],
        sources: Sequence[str],
        span_limit: int,
    ) -> World:
        """Go on from the arrays of a world in which a stretch of this plan acts, its rows as `rows_of` has them.

        `sources`: names of the sources that the arrays know, in their order.
        """
        world = cls.__new__(cls)
        world.plan, world.seed, world.stretch, world.arrays = plan, seed, stretch, arrays
        for kind in ("user", "item"):
            arrays[f"{kind}_rows_float"] = arrays[f"{kind}_rows"].view(np.float64)
        written, arrays["spans"] = arrays["spans"], _room_for_spans(span_limit)
        arrays["spans"][: len(written)] = written
        arrays["knots"] = plan.arrays["knots"].copy()
        clock = arrays["clock"]
        clock["task_reserve"], clock["node_reserve"] = plan.task_reserve, 4 * plan.task_reserve
        world.grow()
        world._take_sources(sources)
        return world

    def _take_sources(self, known: Sequence[str]) -> None:
        """Put the sources of this plan in the place of those that the arrays know: what is to come comes as this plan has it."""
        nodes, old = self.arrays["nodes"], self.arrays["sources"]
        names_now = self.stretch.index.sources
        self.arrays["sources"] = new = self.plan.arrays["sources"][: len(names_now)].copy()
        due = (nodes["time"] >= self.now) & _is_arrival(nodes)
        when = {known[nodes["task"][n]]: float(nodes["time"][n]) for n in np.flatnonzero(due)}
        nodes["order"][due], nodes["task"][due], nodes["gen"][due] = _NOTHING, 0, _NEVER
        for o, name in enumerate(names_now):
            if name in known:
                for field in ("number", "target", "every", "batch", "priority"):
                    new[field][o] = old[field][known.index(name)]
            self.call(engine.resume, o=o, time=when.get(name, np.inf))

    def _start_clock(self, seed: int, trace_one_in: int) -> None:
        clock, plan = self.arrays["clock"], self.plan
        clock["now"], clock["tick"], clock["per_tick"] = plan.begin_s, plan.tick_s, 1 / plan.tick_s
        clock["bucket"] = int(plan.begin_s * (1 / plan.tick_s))
        clock["slot"] = int(plan.begin_s / names.SLOT_S) + 1
        clock["seed"] = seed
        clock["task_reserve"], clock["node_reserve"] = plan.task_reserve, 4 * plan.task_reserve
        for free in ("node_free", "task_free", "chunk_free", "message_free", "flight_free"):
            clock[free] = -1
        clock["traced_from"] = plan.start_s
        if trace_one_in:
            clock["traced_below"] = min((1 << 64) - 1, (1 << 64) // trace_one_in)

    @property
    def now(self) -> float:
        """Time, s, in the world's time."""
        return float(self.arrays["clock"]["now"][0])

    # pools

    def _allocate_pools(self) -> None:
        tasks, nodes = first_sizes(self.plan.task_reserve)
        self.grow_tasks(tasks)
        self.grow_nodes(nodes)
        self._grow_chunks(1 << 10)
        self._grow_messages(1 << 12)
        self._grow_flights(1 << 10)
        self.grow_listed(1 << 14)

    def _extended(self, name: str, size: int, dtype: Any) -> tuple[NDArray, int]:
        needed = size * np.dtype(dtype).itemsize
        if needed > WORTH_CHECKING and needed > available_bytes():
            now = self.arrays["clock"]["now"][0] - self.plan.shift_s
            raise RunError(
                f"not enough memory at {now:,.0f} s after midnight: {name} outgrew what there is, and another "
                f"{needed / 1e9:,.1f} GB are needed; more begins than ends: look for a queue that grows, or end earlier"
            )
        old = self.arrays.get(name, np.zeros(0, dtype))
        new = np.zeros(size, dtype)
        new[: len(old)] = old
        self.arrays[name] = new
        return new, len(old)

    def _grow_pool(self, name: str, size: int, dtype: Any, free: str, left: str, field: str | None = "next") -> None:
        array, first = self._extended(name, size, dtype)
        _chain(array, field, first)
        clock = self.arrays["clock"]
        links = array if field is None else array[field]
        if clock[free][0] < 0:
            clock[free] = first
        else:
            links[size - 1] = clock[free][0]
            clock[free] = first
        clock[left] += size - first

    def grow_tasks(self, size: int) -> None:
        """Make room for so many tasks."""
        old = self.arrays.get("tasks")
        first = 0 if old is None else len(old)
        self._grow_pool("tasks", size, TASK, "task_free", "tasks_left")
        self.arrays["tasks"]["replica"][first:] = -1
        clock = self.arrays["clock"]
        head, tail = int(clock["ready_head"][0]), int(clock["ready_tail"][0])
        ready = np.zeros(size, np.int32)
        if tail > head:
            previous = self.arrays["ready"]
            places = np.arange(head, tail)
            ready[places & (size - 1)] = previous[places & (len(previous) - 1)]
        self.arrays["ready"] = ready

    def grow_nodes(self, size: int) -> None:
        """Make room for so many events."""
        self._grow_pool("nodes", size, NODE, "node_free", "nodes_left")
        self._extended("batch", size, DUE)
        self._extended("late", size, DUE)

    def _grow_chunks(self, chunks: int) -> None:
        self._extended("sleepers", chunks * names.CHUNK, SLEEPER)
        self._grow_pool("chunk_next", chunks, np.int32, "chunk_free", "chunks_left", field=None)

    def _grow_messages(self, size: int) -> None:
        self._grow_pool("messages", size, MESSAGE, "message_free", "messages_left")

    def _grow_flights(self, size: int) -> None:
        self._grow_pool("flights", size, FLIGHT, "flight_free", "flights_left")

    def grow_listed(self, least: int) -> None:
        """Give every store room for `least` more entries than it lists."""
        stores = self.arrays["stores"]
        old = self.arrays.get("listed", np.zeros(1, np.uint64))
        capacities = [max(int(s["capacity"]), int(s["listed"]) + least) for s in stores]
        new = np.zeros(max(1, sum(capacities)), np.uint64)
        first = 0
        for store, capacity in enumerate(capacities):
            here, n = int(stores["first"][store]), int(stores["listed"][store])
            new[first : first + n] = old[here : here + n]
            stores["first"][store], stores["capacity"][store] = first, capacity
            first += capacity
        self.arrays["listed"] = new

    def grow(self) -> None:
        """Double whatever has run short.

        Raises
        ------
        RuntimeError
            A pool ran out within one task or event, so that its reserve is too small: the results would be wrong.
        """
        clock = self.arrays["clock"][0]
        if clock["still"] > names.STILL:
            raise RunError(
                f"at {clock['now'] - self.plan.shift_s:,.0f} s after midnight time stands still: {names.STILL:,} requests of "
                "closed users took no time, and the users think for 0 s; give users.think or the endpoints some time"
            )
        for left in ("nodes_left", "tasks_left", "chunks_left", "messages_left", "flights_left"):
            if clock[left] < 0:
                raise RuntimeError(f"{left} is {clock[left]}: one task or event needed more than the reserve")
        reserve = int(clock["task_reserve"])
        if clock["tasks_left"] < reserve:
            self.grow_tasks(2 * len(self.arrays["tasks"]))
        due = int(self.call(engine.due_next)) + int(clock["node_reserve"])
        while clock["nodes_left"] < due:
            self.grow_nodes(2 * len(self.arrays["nodes"]))
        if clock["chunks_left"] < names.CHUNK_RESERVE:
            self._grow_chunks(2 * len(self.arrays["chunk_next"]))
        if clock["messages_left"] < names.MESSAGE_RESERVE:
            self._grow_messages(2 * len(self.arrays["messages"]))
        if clock["flights_left"] < names.FLIGHT_RESERVE:
            self._grow_flights(2 * len(self.arrays["flights"]))
        stores = self.arrays["stores"]
        if len(stores) and (stores["capacity"] - stores["listed"]).min() < names.LISTED_RESERVE:
            self.grow_listed(max(1 << 14, int(stores["listed"].max())))
        self.arrays["clock"]["low"] = 0

    # what is done to a world

    def call(self, kernel: Callable[..., Any], **values: Any) -> Any:
        """Call a kernel with the arrays that its arguments name."""
        arguments = [values[name] if name in values else self.arrays[name] for name in _arguments(kernel)]
        if numba.config.DISABLE_JIT:
            arguments = [_with_attributes(value) for value in arguments]
        return kernel(*arguments)

    def compile(self) -> None:
        """Compile every kernel for these arrays, or load it from the disk cache."""
        if numba.config.DISABLE_JIT:
            return
        values = {"until": 0.0, "time": 0.0, "first": 0, "count": 0, "c": 0, "checked": np.zeros(0, np.int64)}
        values |= dict.fromkeys(("first_source", "first_scaler", "first_store", "o"), 0)
        for kernel in _ENTRIES:
            arguments = [values[name] if name in values else self.arrays[name] for name in _arguments(kernel)]
            kernel.compile(tuple(numba.typeof(value) for value in arguments))

    def begin(self) -> None:
        """Fill caches that start warm, and schedule what starts by itself."""
        self.start(dict.fromkeys(STARTING, 0))
        closed = bool(self.arrays["population"]["closed"][0])
        self._repeat(engine.begin, self.plan.population if closed else 0)

    def start(self, first: Mapping[str, int], more_checked: Sequence[int] = ()) -> None:
        """Fill warm caches, schedule sources, health checks, autoscalers and expiry: each from this number on.

        `more_checked`: services among the others whose replicas are probed from now on.
        """
        keys = {1: self.plan.population, 2: self.plan.items, 3: self.plan.clusters, 4: self.plan.clusters}
        for c in range(first["caches"], len(self.arrays["caches"])):
            cache = self.arrays["caches"][c]
            if cache["warm"] > 0:
                self._repeat(engine.warm, keys[int(cache["key"])], c=c)
        services = self.arrays["services"]
        checked = [
            *more_checked,
            *(np.flatnonzero(services["check_every"][first["services"] :] > 0) + first["services"]),
        ]
        self.call(
            engine.start, checked=np.array(checked, np.int64), first_source=first["sources"], first_scaler=first["scalers"],
            first_store=first["stores"],
        )  # fmt: skip

    def _repeat(self, kernel: Callable[..., Any], count: int, **values: Any) -> None:
        first = -1
        while first < count:
            first = int(self.call(kernel, first=max(first, 0), count=count, **values))
            self.grow()

    def advance(self, until_s: float) -> None:
        """Process every event before `until_s`."""
        while self.call(engine.advance, until=until_s) == names.GROW:
            self.grow()

    def close_window(self) -> None:
        """Bring all integrals up to now."""
        self.call(engine.close_window)


def _with_attributes(value: Any) -> Any:
    """Records whose fields plain Python can read as attributes, as compiled code does."""
    return value.view(np.recarray) if isinstance(value, np.ndarray) and value.dtype.names else value


_argument_names: dict[Any, list[str]] = {}


def _arguments(kernel: Callable[..., Any]) -> list[str]:
    if kernel not in _argument_names:
        _argument_names[kernel] = list(inspect.signature(getattr(kernel, "py_func", kernel)).parameters)
    return _argument_names[kernel]
