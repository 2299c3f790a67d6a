"""Cascades of a run: who drags down whom, found without being told what to look for.

A cascade goes up from a cause to those who wait for it, service by service, to where requests enter. Each failed or slow task
knows its cause at the end of the chain of who waited for whom, so that an edge is there where a service in trouble calls
another in the same trouble: with the share of the trouble that has that cause. Who overloads the cause is found downwards: calls
beyond what usual traffic makes, because a cache misses more, because calls are retried, or because more calls come in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sfmodel.diagnosis.blame import SOME, Blame, blamed
from sfmodel.diagnosis.course import spells
from sfmodel.diagnosis.edges import Edge, How
from sfmodel.diagnosis.pushes import Pushes
from sfmodel.diagnosis.scene import Scene, service_of
from sfmodel.diagnosis.troubles import check_causes

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

MINOR = 0.1
"""Who has less of its trouble from a service does not belong to that one's cascade."""


@dataclass(frozen=True)
class Cascade:
    """One cause and those it drags down."""

    cause: str
    """As in `endpoint_causes`: a station, a limiter, a queue, a service, the network."""
    share: float
    """Of the trouble at the end of the path, that which comes from the cause."""
    path: tuple[str, ...]
    """Services, from the cause's to where requests enter; before it the keeper of a cache whose misses came first, unless the
    trouble reaches it on the way: then they are a loop's."""
    begins_s: float
    """First trouble, s since midnight of day 1."""
    peak_s: float
    """When the end of the path is worst."""
    ends_s: float
    """Last trouble; the end of the run, if it goes on."""
    lasts: bool
    """Whether it goes on at the end of the run."""
    edges: tuple[Edge, ...]
    """Up from the cause, in the order in which they begin; then those that push it."""

    def goes_on(self, time_s: NDArray[np.float64]) -> bool:
        """Whether it goes on in any window that begins at one of these times, s since midnight of day 1, shape [window]."""
        return bool(((time_s >= self.begins_s) & (time_s < self.ends_s)).any())


def cascades(ds: xr.Dataset) -> list[Cascade]:
    """Find the cascades of a run, earliest first.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.

    Raises
    ------
    NotInRunError
        It has no causes, since an older version made it.
    """
    check_causes(ds)
    if "edge_from" not in ds or not ds.sizes["time"]:
        return []
    scene = Scene(ds)
    pushes = Pushes(scene)
    found = [one for origin, when in _begun(scene) for one in _of(scene, pushes, origin, when)]
    return sorted(found, key=lambda one: (one.begins_s, -one.share))


def _begun(scene: Scene) -> Iterator[tuple[str, slice]]:
    """Each service, with each time in which those who call it are in trouble with it."""
    for origin in scene.services:
        callers = [own for (caller, callee), own in scene.dependencies.items() if callee == origin != caller]
        if callers:
            troubled = np.any([own.troubled for own in callers], axis=0)
            yield from ((origin, when) for when in spells(troubled, scene.width_s))


def _of(scene: Scene, pushes: Pushes, origin: str, when: slice) -> Iterator[Cascade]:
    """The cascade of a service whose callers are in trouble with it, if it goes up from there."""
    sufferers = [one for one in blamed(scene, when) if one.origins.get(origin, 0.0) >= MINOR]
    shares = {one.service: one.origins[origin] for one in sufferers}
    up = _up(scene, origin, shares, when)
    path = _path(up, origin, shares, scene.entries)
    if len(path) < 2:
        return
    up.sort(key=lambda edge: (edge.begins_s, path.index(edge.source) if edge.source in path else len(path)))
    worst = scene.services[path[-1]]
    badness = worst.failing / max(1e-9, worst.failing.max()) + worst.slow / max(1e-9, worst.slow.max())
    begins_s = scene.time_s[when.start]
    pushed = [edge for service in path for edge in pushes.on(service, when)]
    of_origin = [edge for edge in pushed if edge.target == origin and edge.how == "misses"]
    at_once = [edge for edge in of_origin if edge.begins_s <= begins_s and edge.source not in path]
    first = [edge.source for edge in at_once if pushes.come_first(edge, when)]
    yield Cascade(
        _first_cause(origin, sufferers), shares[path[-1]], (*first[:1], *path), begins_s,
        scene.time_s[when.start + int(np.argmax(badness[when]))], scene.end_s[when.stop - 1],
        when.stop == len(scene.time_s), (*up, *pushed),
    )  # fmt: skip


def _first_cause(origin: str, sufferers: Sequence[Blame]) -> str:
    """Of the causes in a service the one that most comes from."""
    own: dict[str, float] = {}
    for one in sufferers:
        for cause, share in one.causes.items():
            if service_of(cause) == origin:
                own[cause] = own.get(cause, 0.0) + share
    return max(own, key=lambda cause: own[cause], default=origin)


def _up(scene: Scene, origin: str, shares: Mapping[str, float], when: slice) -> list[Edge]:
    """Edges from a service in the trouble, or the cause's own, to its callers in the trouble."""
    found = []
    for (caller, callee), own in scene.dependencies.items():
        if caller == callee or caller not in shares or not (callee in shares or callee == origin):
            continue
        if own.troubled[when].mean() >= SOME:
            first = when.start + int(np.argmax(own.troubled[when]))
            fail = own.failed[when].any() and scene.services[caller].failed[when].any()
            how: How = "fails" if fail else "waits"
            found.append(Edge(callee, caller, how, shares[caller], scene.time_s[first]))
    return found


def _path(edges: Sequence[Edge], start: str, shares: Mapping[str, float], entries: frozenset[str]) -> tuple[str, ...]:
    """The way up from a service along edges that ends where requests enter, or as far up as there is one; longest first.

    An edge that leads back to where the way came from is left out.
    """
    above: dict[str, tuple[str, ...]] = {}
    below: set[str] = set()

    def way_from(service: str) -> tuple[str, ...]:
        if service not in above:
            below.add(service)
            targets = dict.fromkeys(edge.target for edge in edges if edge.source == service)
            ways = [(), *(way_from(target) for target in targets if target not in below)]
            below.remove(service)
            above[service] = max(((service, *way) for way in ways), key=rank)
        return above[service]

    def rank(way: tuple[str, ...]) -> tuple[bool, int, float]:
        return way[-1] in entries, len(way), shares.get(way[-1], 0.0)

    return way_from(start)
