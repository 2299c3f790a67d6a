"""Cascades of a run: who drags down whom, found without being told what to look for.

A cascade goes up from a cause to those who wait for it, service by service, to where requests enter. Each failed or slow task
knows its cause at the end of the chain of who waited for whom, so that an edge is there where a service in trouble calls
another in the same trouble: with the share of the trouble that has that cause. Who overloads the cause is found downwards: calls
beyond what usual traffic makes, because a cache misses more, because calls are retried, or because more calls come in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.course import Course, Mask, calm_stretch, course, ended, spells
from sfmodel.errors import NotInRunError
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

How = Literal["waits", "fails", "misses", "retries", "traffic"]

MINOR = 0.1
"""A cause of less of a service's trouble makes no cascade; less of the further load is not told."""
MUCH = 0.15
"""So much of the calls must be more than usual traffic makes, or of the users' requests be asked again."""
USERS = "users"
"""They push by asking again."""


@dataclass(frozen=True)
class Edge:
    """Who acts on whom, and how."""

    source: str
    """A service, or `users`."""
    target: str
    how: How
    """The target waits for the source, or fails with it; the source's misses, retries or calls are the target's load."""
    share: float
    """Of the target's trouble, what comes from the cascade's cause; of its further load, or requests, what comes this way."""
    begins_s: float
    """When it begins, s since midnight of day 1."""


@dataclass(frozen=True)
class Cascade:
    """One cause and those it drags down."""

    cause: str
    """As in `endpoint_causes`: a station, a limiter, a queue, a service, the network."""
    share: float
    """Of the trouble at the end of the path, that which comes from the cause."""
    path: tuple[str, ...]
    """Services, from the cause's to where requests enter."""
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


@dataclass(frozen=True)
class _Trouble:
    """A trouble of a service, and which share of it comes from whom."""

    service: str
    origins: Mapping[str, float]
    """Share that comes from each service."""
    causes: Mapping[str, float]
    """Share that comes from each cause in them."""


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
    if "endpoint_causes" not in ds:
        raise NotInRunError(
            "this run does not know what its failures come from: it was made by an older version; make it again"
        )
    if "call" not in ds.coords or not ds.sizes["time"]:
        return []
    run = _Run(ds)
    found = [one for origin, when in run.begun_by() for one in _of(run, origin, when)]
    return sorted(found, key=lambda one: (one.begins_s, -one.share))


def _of(run: _Run, origin: str, when: slice) -> Iterator[Cascade]:
    """The cascade of a service whose callers are in trouble with it, if it goes up from there."""
    sufferers = [one for one in run.troubles(when) if one.origins.get(origin, 0.0) >= MINOR]
    shares = {one.service: one.origins[origin] for one in sufferers}
    up = _up(run, origin, shares, when)
    path = _path(up, origin, shares, run.entries)
    if len(path) < 2:
        return
    worst = run.services[path[-1]]
    badness = worst.failing / max(1e-9, worst.failing.max()) + worst.slow / max(1e-9, worst.slow.max())
    yield Cascade(
        _first_cause(origin, sufferers), shares[path[-1]], path, run.time_s[when.start],
        run.time_s[when.start + int(np.argmax(badness[when]))], run.end_s[when.stop - 1],
        when.stop == len(run.time_s), (*up, *_pushes(run, path, when)),
    )  # fmt: skip


def _first_cause(origin: str, sufferers: Sequence[_Trouble]) -> str:
    """Of the causes in a service the one that most comes from."""
    own: dict[str, float] = {}
    for one in sufferers:
        for cause, share in one.causes.items():
            if _service_of(cause) == origin:
                own[cause] = own.get(cause, 0.0) + share
    return max(own, key=lambda cause: own[cause], default=origin)


def _up(run: _Run, origin: str, shares: Mapping[str, float], when: slice) -> list[Edge]:
    """Edges from a service in the trouble, or the cause's own, to its callers in the trouble."""
    found = []
    for (caller, callee), own in run.dependencies.items():
        if caller == callee or caller not in shares or not (callee in shares or callee == origin):
            continue
        if own.troubled[when].mean() >= MINOR:
            first = when.start + int(np.argmax(own.troubled[when]))
            how: How = "fails" if own.failed[when].any() else "waits"
            found.append(Edge(callee, caller, how, shares[caller], run.time_s[first]))
    return sorted(found, key=lambda edge: edge.begins_s)


def _path(edges: Sequence[Edge], start: str, shares: Mapping[str, float], entries: frozenset[str]) -> tuple[str, ...]:
    """The way up from a service along edges that ends where requests enter, or as far up as there is one; longest first."""
    ways, ahead = [], [(start,)]
    while ahead:
        way = ahead.pop()
        ways.append(way)
        ahead += [(*way, edge.target) for edge in edges if edge.source == way[-1] and edge.target not in way]
    return max(ways, key=lambda way: (way[-1] in entries, len(way), shares.get(way[-1], 0.0)))


def _pushes(run: _Run, path: Sequence[str], when: slice) -> list[Edge]:
    """Who loads the services of a path with more calls than usual traffic makes."""
    found = [edge for service in path for edge in run.pushed(service, when)]
    return list({(edge.source, edge.target, edge.how): edge for edge in found}.values())


def _service_of(cause: str) -> str:
    return cause.partition(".")[0]


class _Run:
    """What is looked at of a run: services and dependencies, window by window."""

    def __init__(self, ds: xr.Dataset) -> None:
        self.ds = ds
        self.time_s = ds["time"].values.astype(float)
        self.end_s = self.time_s + ds["width"].values
        self.calm: Mask = calm_stretch(ds)
        self.causes = [str(cause) for cause in ds["cause"].values]
        self.owner = [str(label).partition(".")[0] for label in ds["endpoint"].values]
        self.entries = frozenset(root.partition(".")[0] for root in measures.roots(ds))

    @cached_property
    def services(self) -> dict[str, Course]:
        """The course of each service."""
        found = ended(self.ds, "endpoint")
        return {name: course(found.of(_places(self.owner, name)), self.calm) for name in dict.fromkeys(self.owner)}

    @cached_property
    def calls(self) -> list[tuple[str, str]]:
        """Calling and called service of each call site."""
        return [
            (str(caller).partition(".")[0], str(callee).partition(".")[0])
            for caller, callee in zip(self.ds["edge_from"].values, self.ds["edge_to"].values, strict=True)
        ]

    @cached_property
    def dependencies(self) -> dict[tuple[str, str], Course]:
        """The course of each (calling service, called service)."""
        found = ended(self.ds, "call")
        return {pair: course(found.of(_places(self.calls, pair)), self.calm) for pair in dict.fromkeys(self.calls)}

    def begun_by(self) -> Iterator[tuple[str, slice]]:
        """Each service, with each time in which those who call it are in trouble with it."""
        for origin in self.services:
            callers = [own for (caller, callee), own in self.dependencies.items() if callee == origin != caller]
            if callers:
                troubled = np.any([own.troubled for own in callers], axis=0)
                yield from ((origin, when) for when in spells(troubled, self.ds["width"].values))

    def troubles(self, when: slice) -> list[_Trouble]:
        """The trouble of each service that is in some at a time."""
        return [self._trouble(name, when) for name, own in self.services.items() if own.troubled[when].mean() >= MINOR]

    def _trouble(self, service: str, when: slice) -> _Trouble:
        causes = self._causes(service, when)
        below = self._in_trouble_below(service, when)
        origins: dict[str, float] = {}
        for cause, share in causes.items():
            origin = self._origin(_service_of(cause), below)
            origins[origin] = origins.get(origin, 0.0) + share
        return _Trouble(service, origins, causes)

    def _origin(self, service: str, below: Sequence[str]) -> str:
        """Service that a cause's share comes from.

        Of one that is as quick as ever those who wait for it are too many, or can do too little: it comes from them.
        """
        if service in below or service not in self.services:
            return service
        return next((caller for caller in reversed(below) if (caller, service) in self.dependencies), below[0])

    def _in_trouble_below(self, service: str, when: slice) -> list[str]:
        """A service, and those that it waits for longer than usual, or fails with, the nearest first."""
        found = [service]
        for above in found:
            found += [
                callee
                for (caller, callee), own in self.dependencies.items()
                if caller == above and callee not in found and own.troubled[when].mean() >= MINOR
            ]
        return found

    def _causes(self, service: str, when: slice) -> dict[str, float]:
        """Which share of what is worse than usual comes from each cause: of the failures, or of the time where none are."""
        failed = self.services[service].failed[when].any()
        every = self._of_causes["endpoint_causes" if failed else "endpoint_cause_time"]
        places = _places(self.owner, service)
        every, count = every[:, places], self._ended_count[:, places]
        usual = every[self.calm].sum(axis=0) / np.maximum(count[self.calm].sum(axis=0), 1.0)[:, None]
        more = (every[when].sum(axis=0) - usual * count[when].sum(axis=0)[:, None]).sum(axis=0)
        more = np.maximum(more, 0.0)
        shares = (more / max(more.sum(), 1e-12)).tolist()
        return {cause: share for cause, share in zip(self.causes, shares, strict=True) if share}

    @cached_property
    def _of_causes(self) -> dict[str, NDArray[np.float64]]:
        return {name: self.ds[name].values for name in ("endpoint_causes", "endpoint_cause_time")}

    @cached_property
    def _ended_count(self) -> NDArray[np.float64]:
        return ended(self.ds, "endpoint").count

    # load

    @cached_property
    def _traffic(self) -> NDArray[np.float64]:
        """First requests of users and sources, without what is asked again, shape [time]."""
        roots = np.isin(self.ds["endpoint"].values, measures.roots(self.ds))
        arrivals = self.ds["endpoint_arrivals"].values[:, roots].sum(axis=1).astype(float)
        if "users_retries" in self.ds:
            arrivals -= self.ds["users_retries"].sum("request").values
        return np.asarray(arrivals)

    def _more(self, series: NDArray[np.float64], when: slice) -> float:
        """How much more there was than usual traffic brings."""
        usual = series[self.calm].sum() / max(self._traffic[self.calm].sum(), 1e-9)
        return float(series[when].sum() - usual * self._traffic[when].sum())

    def pushed(self, service: str, when: slice) -> Iterator[Edge]:
        """Edges that bring a service more calls than usual traffic makes, where that is much more."""
        sites = [k for k, (_, callee) in enumerate(self.calls) if callee == service]
        attempts = self.ds["call_attempts"].values[:, sites].astype(float)
        retries = self.ds["call_retries"].values[:, sites].astype(float)
        more, total = self._more(attempts.sum(axis=1), when), attempts[when].sum()
        if total and more >= MUCH * total:
            ways: dict[tuple[str, How], NDArray[np.float64]] = {}
            for k, site in enumerate(sites):
                caller, cache = self.calls[site][0], self._behind[site]
                first: tuple[str, How] = (self._kept_in.get(cache, caller), "misses" if cache else "traffic")
                for way, series in ((first, attempts[:, k] - retries[:, k]), ((caller, "retries"), retries[:, k])):
                    ways[way] = ways.get(way, 0.0) + series
            for (source, how), series in ways.items():
                share = self._more(series, when) / more
                if share >= MINOR and source != service:
                    yield Edge(source, service, how, min(share, 1.0), self._since(series, when))
        if service in self.entries and "users_retries" in self.ds:
            yield from self._asked_again(service, when)

    def _asked_again(self, service: str, when: slice) -> Iterator[Edge]:
        """The edge from users, where of some class much is asked again."""
        again, asked = (self.ds[name].values.astype(float) for name in ("users_retries", "users_requests"))
        much = again[when].sum(axis=0) >= np.maximum(MUCH * asked[when].sum(axis=0), 1.0)
        if much.any():
            again, asked = again[:, much].sum(axis=1), asked[:, much].sum(axis=1)
            yield Edge(USERS, service, "retries", again[when].sum() / asked[when].sum(), self._since(again, when))

    def _since(self, series: NDArray[np.float64], when: slice) -> float:
        """First window in which there is much more of it than usual traffic brings."""
        usual = series[self.calm].sum() / max(self._traffic[self.calm].sum(), 1e-9)
        much = series[when] > np.maximum(usual * self._traffic[when], 1.0) / (1 - MUCH)
        return float(self.time_s[when.start + int(np.argmax(much))])

    @cached_property
    def _behind(self) -> list[str]:
        """Cache whose miss leads to each call site; empty of none."""
        if "edge_behind" not in self.ds:
            return [""] * len(self.calls)
        return [str(label) for label in self.ds["edge_behind"].values]

    @cached_property
    def _kept_in(self) -> dict[str, str]:
        """Service that keeps each cache."""
        if "cache_kept_in" not in self.ds:
            return {}
        return dict(zip(map(str, self.ds["cache"].values), map(str, self.ds["cache_kept_in"].values), strict=True))


def _places(every: Sequence[object], one: object) -> list[int]:
    return [k for k, found in enumerate(every) if found == one]
