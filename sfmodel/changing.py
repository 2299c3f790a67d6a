"""What changes in a world during a run: numbers, and with them, where interventions are switched on, what there is.

A stretch of another platform goes on from the numbers of the one before: its new things come behind, the programs of requests
under way stay. Only a service with more replicas or stations gets another place, where all of its own lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sfkernels import advance as engine
from sfkernels import names
from sfmodel.plan.stretch import Stretch
from sfmodel.world import World, make_ready, meters

Arrays = dict[str, NDArray]

STATE_FIELDS = {
    "sites": {"balance", "balance_at"},
    "limiters": {"at", "count"},
    "breakers": {"at", "count", "cause"},
    "stations": {"blame"},
    "replicas": {"healthy", "up"},
    "services": {"turn"},
}
"""Fields of parameter records that the world changes itself: a change never writes them."""

_QUEUES = (("stations", "tasks", "order", ("since", "number")), ("queues", "messages", "priority", ("number",)))
"""Things with queues, what waits in them, the field of their order, and what tells how long."""

_PROGRAMS = ("ops", "handlers", "choices", "branches", "slowdowns", "durations", "values")
_RECORDS = (
    "services", "replicas", "stations", "scalers", "sites", "breakers", "caches", "limiters", "stores", "queues", "endpoints",
)  # fmt: skip


def change(world: World, stretch: Stretch) -> None:
    """Take over the parameters of a stretch, now; where it is another platform, what is new in it begins."""
    world.close_window()
    old, first = dict(world.stretch.arrays), None
    if stretch.index is not world.stretch.index:
        first = _firsts(stretch)
        _extend(world, stretch, old, first)
    for name, new in stretch.arrays.items():
        if name != "values" and new.dtype.names is None and name not in ("handlers", "choices", "branches"):
            continue
        if name in ("limiters", "breakers"):
            _count_anew(world, name, old[name], new, stretch.arrays["breaker_window"])
        _take_over(world.arrays[name], old[name], new, STATE_FIELDS.get(name, set()))
    for things, waiting, field, since in _QUEUES:
        _queue_anew(world.arrays[things], world.arrays[waiting], old[things][field], field, since)
    _fill_budgets(world, old["sites"], stretch.arrays["sites"])
    _change_sources(world, stretch)
    world.stretch = stretch
    _make_room(world)
    _weigh_entries(world)
    world.arrays["doomed"] = _doomed(world)
    world.call(engine.apply_changes)
    if first is not None:
        world.start(first, _newly_checked(old["services"][: first["services"]], stretch.arrays["services"]))


def _take_over(state: NDArray, old: NDArray, new: NDArray, kept: set[str]) -> None:
    if old.dtype.names is None:
        state[...] = new
        return
    for field in old.dtype.names:
        if field not in kept:
            changed = old[field] != new[field]
            state[field][changed] = new[field][changed]


def _count_anew(world: World, name: str, old: NDArray, new: NDArray, empty: NDArray) -> None:
    """What counts in windows begins anew where the length of its window changes."""
    lengths = {"limiters": ["window"], "breakers": ["window_s", "calls"]}[name]
    rows = {names.KEY_USER: "user_rows", names.KEY_ADDRESS: "user_rows", names.KEY_ITEM: "item_rows"}
    for k in np.flatnonzero(old[lengths] != new[lengths]):
        for field in ("index", "count", "previous") if name == "limiters" else ("at", "count", "failures"):
            world.arrays[name][field][k] = 0
        if name == "breakers":
            world.arrays["breaker_window"][k] = empty[k]
        elif new["key"][k] != names.KEY_NONE:
            world.arrays[rows[int(new["key"][k])]][:, new["column"][k]] = 0


def _queue_anew(things: NDArray, waiting: NDArray, before: NDArray, field: str, since: Sequence[str]) -> None:
    """Who waits where the order is another now waits in that order, by how long."""
    for k in np.flatnonzero((before != things[field]) & (things["waiting"] > 0)):
        found = [i for level in range(names.LEVELS) for i in _linked(waiting["next"], int(things[f"head{level}"][k]))]
        found.sort(key=lambda i: tuple(waiting[name][i] for name in since))
        by_priority = things[field][k] == (names.PRIORITY if field == "order" else 1)
        if field == "order" and things[field][k] == names.LIFO:
            found.reverse()
        for level in range(names.LEVELS):
            here = [i for i in found if (waiting["priority"][i] if by_priority else 0) == level]
            things[f"head{level}"][k], things[f"tail{level}"][k] = (here[0], here[-1]) if here else (-1, -1)
            waiting["next"][here] = [*here[1:], -1][: len(here)]
            if "prev" in (waiting.dtype.names or ()):
                waiting["prev"][here] = [-1, *here[:-1]][: len(here)]


def _linked(following: NDArray, first: int) -> Iterator[int]:
    while first >= 0:
        yield first
        first = int(following[first])


def _fill_budgets(world: World, old: NDArray, new: NDArray) -> None:
    """A retry budget that is switched on begins full."""
    begun = (old["budgeted"] == 0) & (new["budgeted"] == 1)
    sites = world.arrays["sites"]
    sites["balance"][begun] = new["budget_cap"][begun]
    sites["balance_at"][begun] = world.now


def _change_sources(world: World, stretch: Stretch) -> None:
    sources = world.arrays["sources"]
    for name, source in stretch.run.platform.sources.items():
        place = stretch.index.sources.index(name)
        sources["every"][place] = source.every or 0.0
        sources["batch"][place] = source.batch
        sources["priority"][place] = source.priority
    for place, name in enumerate(stretch.index.sources):
        if name and name not in stretch.run.platform.sources:
            sources["every"][place] = np.inf


def _make_room(world: World) -> None:
    """Room for what may begin at this moment."""
    clock, queues = world.arrays["clock"], world.arrays["queues"]
    handlers = np.minimum(np.maximum(queues["consumers"] - queues["busy"], 0), queues["waiting"]).sum()
    while clock["tasks_left"][0] < clock["task_reserve"][0] + handlers:
        world.grow_tasks(2 * len(world.arrays["tasks"]))
    while clock["nodes_left"][0] < clock["node_reserve"][0] + world.arrays["stations"]["waiting"].sum() + handlers:
        world.grow_nodes(2 * len(world.arrays["nodes"]))


def _weigh_entries(world: World) -> None:
    """What is in a store takes the room that its entries have now."""
    caches, stores = world.arrays["caches"], world.arrays["stores"]
    for m in range(len(stores)):
        inside = caches[caches["store"] == m]
        stores["used"][m] = (inside["entries"] * inside["entry_size"]).sum()


def _doomed(world: World) -> NDArray[np.int64]:
    """Tasks in replicas that go down, oldest first."""
    tasks, replicas = world.arrays["tasks"], world.arrays["replicas"]
    down = (replicas["down"] == 1) & (replicas["up"] > 0)
    inside = np.flatnonzero((tasks["state"] != names.FREE) & (tasks["arrived"] >= 0) & down[tasks["replica"]])
    return inside[np.argsort(tasks["number"][inside])]


def _newly_checked(old: NDArray, new: NDArray) -> list[int]:
    """Services whose replicas are probed from now on, of those that there were."""
    there = new[: len(old)]
    return [int(m) for m in np.flatnonzero((old["check_every"] == 0) & (there["check_every"] > 0))]


# another platform


def _firsts(stretch: Stretch) -> dict[str, int]:
    """Number of the first new thing of each kind."""
    old = stretch.index.before
    assert old is not None
    return {
        "caches": len(old.caches), "sources": len(old.sources), "services": len(old.services), "scalers": len(old.scalers),
        "stores": len(old.stores), "stations": old.station_count, "queues": len(old.queues),
    }  # fmt: skip


def _extend(world: World, stretch: Stretch, old: Arrays, first: Mapping[str, int]) -> None:
    """Make room for what is new behind what there is; `old` becomes the parameters of both."""
    a, new, index = world.arrays, stretch.arrays, stretch.index
    assert index.before is not None
    for name in _PROGRAMS:
        a[name], old[name] = new[name].copy(), new[name]
    for name in _RECORDS:
        a[name], old[name] = (_continued(array, new[name]) for array in (a[name], old[name]))
    windows = int(old["scalers"]["capacity"][: first["scalers"]].sum())
    kept = {
        "breaker_window": len(index.before.breakers), "recommended": windows, "totals": len(index.before.counters),
        "versions": len(index.before.caches) * world.plan.clusters,
    }  # fmt: skip
    for name, count in kept.items():
        a[name] = _continued(a[name][:count], new[name])
        old[name] = new[name]
    for name, array in meters(stretch).items():
        array[tuple(map(slice, a[name].shape))] = a[name]
        a[name] = array
    a["pool"] = _continued(a["pool"], np.zeros(max(1, len(a["stores"])) * names.POOL, a["pool"].dtype))
    a["sources"] = _continued(a["sources"], world.plan.arrays["sources"][: len(index.sources)])
    world.grow_listed(1 << 14)
    _move(world, stretch, old)
    make_ready(a, world.now, world.seed, first)


def _continued(array: NDArray, longer: NDArray) -> NDArray:
    """An array as it is, and behind it what a longer one has there."""
    return np.concatenate([array, longer[len(array) :]])


def _move(world: World, stretch: Stretch, old: Arrays) -> None:
    """Services that have more replicas or stations move to their new place, with all that is under way there."""
    a = world.arrays
    replicas, stations = stretch.index.moved()
    for parameters in (a, old):
        for from_, to in stations.items():
            parameters["stations"][to] = parameters["stations"][from_]
        for from_, to in replicas.items():
            parameters["replicas"][to] = parameters["replicas"][from_]
    for from_ in stations:
        a["stations"][from_] = np.zeros((), a["stations"].dtype)
        for field in ("scaler", "shedder", *(f"{end}{n}" for end in ("head", "tail", "holder") for n in range(4))):
            a["stations"][field][from_] = -1
    for from_, to in replicas.items():
        starting = (a["nodes"]["order"] >> np.uint64(names.CLASS_SHIFT) == names.CLASS_CHANGE) & (
            a["nodes"]["task"] == from_
        )
        a["nodes"]["task"][starting] = to
        a["nodes"]["order"][starting] += (to - from_) << 4
        for field, value in (("down", 1), ("up", 0), ("healthy", 0), ("tasks", 0), ("waiters", 0)):
            a["replicas"][field][from_] = value
    _renumber(a["tasks"]["replica"], replicas)
    _renumber(a["tasks"]["first_station"], stations)
    _renumber(a["tasks"]["station"], stations)
    _renumber(a["spans"]["replica"][: int(a["clock"]["span_count"][0])], replicas)


def _renumber(numbers: NDArray, moved: Mapping[int, int]) -> None:
    """Replace numbers by those of the new place, in place."""
    if not moved:
        return
    to = np.arange(max(int(numbers.max(initial=0)), *moved) + 1)
    to[list(moved)] = list(moved.values())
    numbers[...] = np.where(numbers >= 0, to[numbers], numbers)
