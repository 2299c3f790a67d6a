"""Who brings a service more to do than usual: misses of a cache, retries, further calls, users who ask again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.course import LASTING
from sfmodel.diagnosis.edges import USERS, Edge, How
from sfmodel.diagnosis.scene import Scene, service_of

MUCH = 0.15
"""So much of the calls must be more than usual traffic makes, or of the users' requests be asked again."""
MINOR = 0.1
"""What brings less of the further calls is not told, nor of lookups so few that miss without need."""

WENT = ("cache_invalidated", "cache_expired", "cache_evictions")
"""How entries go."""

Series = NDArray[np.float64]


class Pushes:
    """The load of a run's services beside what usual traffic makes of it."""

    def __init__(self, scene: Scene) -> None:
        """Read nothing yet."""
        self._scene = scene

    def on(self, service: str, when: slice) -> Iterator[Edge]:
        """Edges that bring a service more calls, or more work for each, where that is much more."""
        ways = self._ways(service)
        total = float(np.sum([series[when].sum() for series in ways.values()]))
        more = {way: self._more(series, when) for way, series in ways.items()}
        if total and sum(more.values()) >= MUCH * total:
            grown = sum(extra for extra in more.values() if extra > 0)
            for (source, how), extra in more.items():
                share, series = extra / grown, ways[source, how]
                if share >= MINOR and source != service:
                    yield Edge(source, service, how, share, self._since(series, self._usual(series), when))
        yield from self._missing(service, when)
        if service in self._scene.entries and "users_retries" in self._scene.ds:
            yield from self._asked_again(service, when)

    def usual_share(self, edge: Edge, when: slice) -> float:
        """Of what comes along an edge, the share that usual traffic, or usual misses, would have brought."""
        if edge.how == "misses":
            missed = sum(self._misses[:, k][when].sum() for k in self._caches(edge.source, edge.target))
            usual = sum(self._usual_misses(k)[when].sum() for k in self._caches(edge.source, edge.target))
        else:
            series = self._ways(edge.target).get((edge.source, edge.how), np.zeros(len(self._traffic)))
            missed, usual = series[when].sum(), self._usual(series)[when].sum()
        return float(np.clip(usual / missed, 0.0, 1.0)) if missed else 1.0

    def come_first(self, edge: Edge, when: slice) -> bool:
        """Whether misses at the beginning of a time are no consequence of it: entries went, or what was missed is stored again.

        Where they are one, nothing can be stored, so that each further lookup of the same misses.
        """
        caches = self._caches(edge.source, edge.target)
        begun = slice(when.start, min(when.start + LASTING, when.stop))
        more = sum(self._beyond("cache_misses", k, begun) for k in caches)
        gone = sum(self._beyond(name, k, begun) for name in WENT for k in caches)
        stored = sum(self._beyond("cache_stores", k, begun) for k in caches)
        return max(gone, stored) >= more / 2

    def _beyond(self, name: str, cache: int, when: slice) -> float:
        """How much more there is of something than of as many lookups usually."""
        series = self._scene.ds[name].values[:, cache]
        return float((series - self._usual_of(series, cache))[when].sum())

    # calls, beside what usual traffic makes

    def _ways(self, service: str) -> dict[tuple[str, How], Series]:
        """Calls of a service by who makes them and why, each of shape [time]; those behind a cache aside."""
        ways: dict[tuple[str, How], Series] = {}
        for site, (caller, callee) in enumerate(self._scene.calls):
            if callee == service and not self._scene.behind[site]:
                again = self._calls["call_retries"][:, site]
                first = self._calls["call_attempts"][:, site] - again
                for how, series in (("traffic", first), ("retries", again)):
                    ways[caller, how] = ways.get((caller, how), 0.0) + series  # type: ignore[index, arg-type]
        return ways

    @cached_property
    def _calls(self) -> dict[str, Series]:
        return {name: self._scene.ds[name].values.astype(float) for name in ("call_attempts", "call_retries")}

    @cached_property
    def _traffic(self) -> Series:
        """Requests that enter the platform, without what is asked again, shape [time]."""
        ds = self._scene.ds
        arrivals = ds["endpoint_arrivals"].values[:, self._scene.is_root].sum(axis=1).astype(float)
        if "users_retries" in ds:
            arrivals -= ds["users_retries"].sum("request").values
        return np.asarray(arrivals)

    def _usual(self, series: Series) -> Series:
        """What usual traffic would bring of something, shape [time]."""
        calm = self._scene.calm
        return np.asarray(series[calm].sum() / max(self._traffic[calm].sum(), 1e-9) * self._traffic)

    def _more(self, series: Series, when: slice) -> float:
        return float((series - self._usual(series))[when].sum())

    def _since(self, series: Series, usual: Series, when: slice) -> float:
        """When the first window begins in which there is much more of something than usual, else the first of all, s."""
        much = series[when] > np.maximum(usual[when], 1.0) / (1 - MUCH)
        return float(self._scene.time_s[when.start + int(np.argmax(much))])

    # misses, beside those that as many lookups usually have

    def _missing(self, service: str, when: slice) -> Iterator[Edge]:
        """Edges from those that keep the caches which a service looks into, or which its calls are behind."""
        for keeper in dict.fromkeys(self._scene.kept_in.values()):
            caches = self._caches(keeper, service) if keeper != service else []
            missed = sum((self._misses[:, k] for k in caches), np.zeros(len(self._traffic)))
            usual = sum((self._usual_misses(k) for k in caches), np.zeros(len(self._traffic)))
            if missed[when].sum() and (missed - usual)[when].sum() >= MUCH * missed[when].sum():
                share = float((missed - usual)[when].sum() / self._lookups[:, caches][when].sum())
                if share >= MINOR:
                    yield Edge(keeper, service, "misses", share, self._since(missed, usual, when))

    def _caches(self, keeper: str, service: str) -> list[int]:
        """Caches of a keeper that a service looks into, or whose misses lead to calls of it."""
        scene = self._scene
        behind = {scene.behind[site] for site, (_, callee) in enumerate(scene.calls) if callee == service}
        return [
            k
            for k, (cache, where) in enumerate(scene.kept_in.items())
            if where == keeper and (service_of(cache) == service or cache in behind)
        ]

    @cached_property
    def _misses(self) -> Series:
        return np.asarray(self._scene.ds["cache_misses"].values, float)

    @cached_property
    def _lookups(self) -> Series:
        ds = self._scene.ds
        served = sum(ds[name].values for name in ("cache_hits", "cache_stale", "cache_coalesced"))
        return np.asarray(self._misses + served)

    def _usual_misses(self, cache: int) -> Series:
        """Misses of a cache that as many lookups usually have, shape [time]."""
        return self._usual_of(self._misses[:, cache], cache)

    def _usual_of(self, series: Series, cache: int) -> Series:
        """What as many lookups of a cache usually have of something, shape [time]."""
        calm, lookups = self._scene.calm, self._lookups[:, cache]
        return np.asarray(series[calm].sum() / max(lookups[calm].sum(), 1e-9) * lookups)

    # users

    def _asked_again(self, service: str, when: slice) -> Iterator[Edge]:
        """The edge from users, where of some class of requests that enter there much is asked again."""
        own = self._scene.entered_by(service)
        again, asked = (
            self._scene.ds[name].values[:, own].astype(float) for name in ("users_retries", "users_requests")
        )
        much = again[when].sum(axis=0) >= np.maximum(MUCH * asked[when].sum(axis=0), 1.0)
        if much.any():
            again, asked = again[:, much].sum(axis=1), asked[:, much].sum(axis=1)
            share = float(again[when].sum() / asked[when].sum())
            yield Edge(USERS, service, "retries", share, self._since(again, self._usual(again), when))
