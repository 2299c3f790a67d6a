"""What is looked at of a run: services and those who call them, window by window, and what each waits for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.course import Course, Ended, Mask, Usual, calm_stretch, course, ended, usual
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

Pair = tuple[str, str]
"""Calling service, called service."""


class Scene:
    """A run under diagnosis.

    Parameters
    ----------
    ds
        Its dataset, of one replication.
    """

    def __init__(self, ds: xr.Dataset) -> None:
        """Read what is small; the rest when it is asked for."""
        self.ds = ds
        self.time_s = ds["time"].values.astype(float)
        self.width_s = ds["width"].values.astype(float)
        self.end_s = self.time_s + self.width_s
        self.causes = [str(cause) for cause in ds["cause"].values]
        self.owner = [service_of(str(label)) for label in ds["endpoint"].values]
        self.is_root = np.isin(ds["endpoint"].values, measures.roots(ds))
        self.calm: Mask = calm_stretch(self.ended.of(np.flatnonzero(self.is_root).tolist()))
        self.entries = frozenset(service for service, root in zip(self.owner, self.is_root, strict=True) if root)

    @cached_property
    def ended(self) -> Ended:
        """What ended of each endpoint."""
        return ended(self.ds, "endpoint")

    @cached_property
    def usual(self) -> dict[str, Usual]:
        """What is usual of each service."""
        names = dict.fromkeys(self.owner)
        return {name: usual(self.ended.of(places(self.owner, name)), self.calm) for name in names}

    @cached_property
    def services(self) -> dict[str, Course]:
        """The course of each service."""
        return {name: self.course_in(name, self.ended) for name in self.usual}

    def course_in(self, service: str, there: Ended) -> Course:
        """The course of a service in this run, or in another of the same platform, by what is usual in this one."""
        return course(there.of(places(self.owner, service)), self.usual[service])

    @cached_property
    def calls(self) -> list[Pair]:
        """Calling and called service of each call site."""
        edges = zip(self.ds["edge_from"].values, self.ds["edge_to"].values, strict=True)
        return [(service_of(str(caller)), service_of(str(callee))) for caller, callee in edges]

    @cached_property
    def dependencies(self) -> dict[Pair, Course]:
        """The course of the calls from one service to another, as the caller sees them."""
        found = ended(self.ds, "call")
        parts = {pair: found.of(places(self.calls, pair)) for pair in dict.fromkeys(self.calls)}
        return {pair: course(part, usual(part, self.calm)) for pair, part in parts.items()}

    @cached_property
    def of_causes(self) -> dict[str, NDArray[np.float64]]:
        """Failures, and time, of each endpoint by cause, shape [time, endpoint, cause]."""
        return {name: self.ds[name].values for name in ("endpoint_causes", "endpoint_cause_time")}

    @cached_property
    def behind(self) -> list[str]:
        """Cache whose miss leads to each call site; of others empty."""
        if "edge_behind" not in self.ds:
            return [""] * len(self.calls)
        return [str(label) for label in self.ds["edge_behind"].values]

    @cached_property
    def kept_in(self) -> dict[str, str]:
        """Service that keeps each cache."""
        if "cache_kept_in" not in self.ds:
            return {}
        return dict(zip(map(str, self.ds["cache"].values), map(str, self.ds["cache_kept_in"].values), strict=True))

    def entered_by(self, service: str) -> list[int]:
        """Numbers of the classes of users' requests that enter the platform at a service."""
        users = self.ds.attrs.get("config", {}).get("platform", {}).get("users") or {}
        types = users.get("sessions", {}).get("types", {})
        called = {f"{kind}.{name}": one["call"] for kind, own in types.items() for name, one in own["mix"].items()}
        labels = map(str, self.ds["request"].values)
        return [k for k, label in enumerate(labels) if service_of(called.get(label, service)) == service]

    def windows(self, begins_s: float, ends_s: float) -> slice:
        """Windows between two times."""
        return slice(*np.searchsorted(self.time_s, [begins_s - 1e-6, ends_s - 1e-6]).tolist())


def service_of(label: str) -> str:
    """Service of an endpoint, a station, a call site's caller or a cause."""
    return label.partition(".")[0]


def places(every: Sequence[object], one: object) -> list[int]:
    """Numbers under which something stands in a list."""
    return [k for k, found in enumerate(every) if found == one]
