"""A stretch of a run between two changes: its parameters as arrays, and what they are numbered by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfkernels.records import VERSION
from sfmodel.errors import ConfigError
from sfmodel.plan.durations import Durations
from sfmodel.plan.guards import guards
from sfmodel.plan.index import Index
from sfmodel.plan.items import endpoints_about_items
from sfmodel.plan.scripts import Scripts
from sfmodel.plan.things import (
    Arrays,
    cache_arrays,
    endpoint_array,
    queue_array,
    service_arrays,
    site_arrays,
    user_arrays,
)  # fmt: skip
from sfmodel.schema.platform import Platform
from sfmodel.schema.run import Run


@dataclass(frozen=True)
class Stretch:
    """Parameters of a stretch."""

    time_s: float
    """When it begins, s since midnight."""
    run: Run
    """The run with the changes that act then."""
    index: Index
    scripts: Scripts
    """Programs, with those of the platforms before."""
    arrays: Arrays
    """By the names of `advance`'s arguments; sources and knots aside."""
    before: Stretch | None
    """The last stretch of the platform before, whose numbers these go on from."""

    @property
    def labels(self) -> dict[str, list[str]]:
        """Labels of the dataset's dimensions."""
        index = self.index
        return {
            "service": index.services, "endpoint": index.endpoints, "station": index.stations,
            "call": [site.label for site in self.scripts.sites], "cache": index.caches, "limiter": index.limiters,
            "queue": index.queues, "request": index.requests, "cause": index.causes,
        }  # fmt: skip

    @property
    def edges(self) -> list[tuple[str, str]]:
        """Caller and callee of each call site."""
        return [(site.label.split(">", 1)[0], site.target) for site in self.scripts.sites]

    @property
    def behind(self) -> list[str]:
        """Label of the cache whose miss leads to each call site; of others empty."""
        found = guards(self.arrays, len(self.scripts.sites))
        return [self.index.caches[k] if k >= 0 else "" for k in found]

    @property
    def kept_in(self) -> list[str]:
        """Service whose memory each cache is kept in."""
        platform = self.run.platform
        there = [(label.partition(".")) for label in self.index.caches]
        caches = ((owner, platform.services[owner].caches.get(name)) for owner, _, name in there)
        return [(cache.of if cache else None) or owner for owner, cache in caches]


def make_stretch(
    time_s: float, run: Run, shift_s: float, *, like: Stretch | None = None, after: Stretch | None = None
) -> Stretch:
    """Compile a stretch.

    Parameters
    ----------
    time_s
        When it begins, s since midnight.
    run
        The run with the changes that act then.
    shift_s
        Whole days added to every time in the world.
    like
        A stretch of the same platform, other numbers aside.
    after
        The last stretch of the platform as it was before.

    Raises
    ------
    ConfigError
        A platform with other users or contents than the one before.
    """
    before = after or (like and like.before)
    index = like.index if like else Index(run.platform, after.index if after else None)
    if after is not None:
        _check_same(after.run.platform, run.platform)
    scripts = before.scripts.followed_by(index) if before else Scripts(index, Durations())
    starts = {
        f"{service}.{name}": scripts.compile(service, name, endpoint)
        for service, owner in run.platform.services.items()
        for name, endpoint in owner.endpoints.items()
    }
    arrays = _arrays(run, index, scripts, starts, shift_s, before.arrays if before else {})
    return Stretch(time_s, run, index, scripts, arrays, before)


def _arrays(
    run: Run, index: Index, scripts: Scripts, starts: dict[str, int], shift_s: float, before: Arrays
) -> dict[str, NDArray]:
    platform, durations = run.platform, scripts.durations
    begin_s = run.start - run.warmup + shift_s
    arrays = scripts.arrays()
    arrays.update(service_arrays(platform, index, durations, begin_s, before))
    arrays.update(site_arrays(platform, index, scripts.sites, begin_s, shift_s, before))
    arrays.update(cache_arrays(platform, index, shift_s, before))
    arrays["versions"] = np.zeros(max(1, len(index.caches)) * platform.content.clusters, VERSION)
    arrays["queues"] = queue_array(platform, index, before)
    uses_item = endpoints_about_items(platform, index)
    arrays["endpoints"] = endpoint_array(index, starts, uses_item, before)
    arrays.update(user_arrays(run, index, durations, uses_item))
    arrays["durations"], arrays["values"] = durations.arrays()
    starts_at = {name: counter.start for name, counter in platform.counters.items()}
    arrays["totals"] = np.array([starts_at.get(name, 0.0) for name in index.counters] or [0.0])
    return arrays


def _check_same(old: Platform, new: Platform) -> None:
    """Refuse a change during the run of who comes and what there is to see."""
    for what, get in _LASTING.items():
        if get(old) != get(new):
            raise ConfigError(
                f"switch_on: the interventions change {what}, and that cannot change during a run; "
                "without switch_on they act from its beginning"
            )
    lost = sorted(_scaled(old) - _scaled(new))
    if lost:
        raise ConfigError(
            f"switch_on: the interventions take away the autoscaling of {lost[0]}, and that cannot be during a run; "
            "without switch_on they act from its beginning"
        )


def _who_comes(platform: Platform) -> Any:
    users = platform.users
    if users is None:
        return None
    return users.population, users.arrivals, {name: list(kind.mix) for name, kind in users.sessions.types.items()}


def _scaled(platform: Platform) -> set[str]:
    return {
        f"{service}.{name}"
        for service, owner in platform.services.items()
        for name, station in owner.stations.items()
        if station.law is not None
    }


_LASTING: Mapping[str, Callable[[Platform], Any]] = {
    "platform.content": lambda platform: platform.content,
    "the population, the arrivals or the classes of platform.users": _who_comes,
}
