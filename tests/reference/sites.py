"""The call sites of all scripts and their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sfmodel.schema import steps as words

from .calls import Site
from .tasks import Place

if TYPE_CHECKING:
    from .world import World

BODIES = ("do",)
HANDLERS = (
    "on_hit", "on_miss", "on_stale", "on_ok", "on_timeout", "on_rejected", "on_throttled", "on_open",
    "on_unavailable", "on_error", "on_expired", "on_failure",
)  # fmt: skip


def all_sites(world: World) -> dict[Place, Site]:
    """A site for each call and each send, in script order, depth first; the two are numbered apart."""
    sites = {}
    for service_name, service in world.platform.services.items():
        for endpoint_name in service.endpoints:
            caller = f"{service_name}.{endpoint_name}"
            seen: Counter[str] = Counter()
            for place, target in calls_of_steps(world, Place(service_name, endpoint_name, ("steps",))):
                seen[target] += 1
                number = f"#{seen[target]}" if seen[target] > 1 else ""
                sites[place] = Site(world, f"{caller}>{target}{number}", place)
    return sites


def calls_of_steps(world: World, place: Place) -> Iterator[tuple[Place, str]]:
    """The calls and sends of a list of steps."""
    for index in range(len(world.find(place))):
        yield from calls_of_step(world, place.below(index))


def calls_of_step(world: World, place: Place) -> Iterator[tuple[Place, str]]:
    """The step's own call, then those of the steps within it."""
    step = world.find(place)
    if isinstance(step, words.Call):
        yield place, step.call
    if isinstance(step, words.Send):
        yield place, f"{step.send} (sent)"
    for verb, call in (("lookup", "read"), ("store", "write"), ("invalidate", "invalidate")):
        cache = getattr(step, verb, None)
        if isinstance(cache, str):
            service, _, name = cache.rpartition(".")
            target = getattr(world.platform.services[service or place.service].caches[name], call)
            if target is not None:
                yield place.below(call), target
    if isinstance(step, words.Fork):
        for index in range(len(step.fork)):
            yield from calls_of_steps(world, place.below("fork", index))
    if isinstance(step, words.Choose):
        for index in range(len(step.choose)):
            yield from calls_of_steps(world, place.below("choose", index, "do"))
    for name in BODIES + HANDLERS:
        if getattr(step, name, None) is not None:
            yield from calls_of_steps(world, place.below(name))
