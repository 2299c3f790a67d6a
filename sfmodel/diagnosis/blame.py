"""Whom the trouble of a service comes from: its causes, and the services that they lie in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sfmodel.diagnosis.scene import Scene, places, service_of

SOME = 0.1
"""Who is in trouble in less of a time is not in trouble then."""


@dataclass(frozen=True)
class Blame:
    """The trouble of a service at a time; shares of what is worse than usual, of the failures, or of the time if none fail."""

    service: str
    origins: Mapping[str, float]
    """Share that comes from each service; these add up to 1, unless no cause has more than usual: then there are none."""
    causes: Mapping[str, float]
    """Share that comes from each cause, as the run has counted it; these add up to what those of `origins` do."""


def blamed(scene: Scene, when: slice) -> list[Blame]:
    """The trouble of each service that is in some over some windows."""
    return [_blame(scene, name, when) for name, own in scene.services.items() if own.troubled[when].mean() >= SOME]


def _blame(scene: Scene, service: str, when: slice) -> Blame:
    causes = _causes(scene, service, when)
    below = _in_trouble_below(scene, service, when)
    origins: dict[str, float] = {}
    for cause, share in causes.items():
        origin = _origin(scene, service_of(cause), below)
        origins[origin] = origins.get(origin, 0.0) + share
    return Blame(service, origins, causes)


def _causes(scene: Scene, service: str, when: slice) -> dict[str, float]:
    failed = scene.services[service].failed[when].any()
    own = places(scene.owner, service)
    every, count = (
        scene.of_causes["endpoint_causes" if failed else "endpoint_cause_time"][:, own],
        scene.ended.every[:, own],
    )
    usual = every[scene.calm].sum(axis=0) / np.maximum(count[scene.calm].sum(axis=0), 1.0)[:, None]
    more = (every[when].sum(axis=0) - usual * count[when].sum(axis=0)[:, None]).sum(axis=0)
    more = np.maximum(more, 0.0)
    shares = (more / max(more.sum(), 1e-12)).tolist()
    return {cause: share for cause, share in zip(scene.causes, shares, strict=True) if share}


def _in_trouble_below(scene: Scene, service: str, when: slice) -> list[str]:
    """A service, and those that it waits for longer than usual, or fails with, the nearest first."""
    found = [service]
    for above in found:
        found += [
            callee
            for (caller, callee), own in scene.dependencies.items()
            if caller == above and callee not in found and own.troubled[when].mean() >= SOME
        ]
    return found


def _origin(scene: Scene, service: str, below: Sequence[str]) -> str:
    """Service that the share of a cause in a service comes from.

    Of one that is as quick as ever those who wait for it are too many, or can do too little: it comes from them.
    """
    if service in below or service not in scene.services:
        return service
    return next((caller for caller in reversed(below) if (caller, service) in scene.dependencies), below[0])
