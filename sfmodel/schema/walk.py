"""The scripts of a platform, step by step, each with the key under which the user wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sfmodel.schema.caches import Cache
from sfmodel.schema.keys import written_below
from sfmodel.schema.platform import Platform
from sfmodel.schema.run import Run
from sfmodel.schema.services import Endpoint
from sfmodel.schema.steps import Call, Choose, Failing, Fork, Hold, Lookup, StepBase

Parts = tuple[str, ...]

HANDLERS = (
    "on_timeout", "on_rejected", "on_throttled", "on_open", "on_unavailable", "on_error", "on_expired", "on_failure",
)  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """A step and where it stands."""

    service: str
    endpoint: str
    parts: Parts
    """Path of the step, every index included."""
    step: StepBase


def endpoint_parts(service: str, endpoint: str) -> Parts:
    """Return the path of an endpoint."""
    return ("platform", "services", service, "endpoints", endpoint)


def endpoints_of(platform: Platform) -> Iterator[tuple[str, str, Endpoint]]:
    """Yield (service, endpoint name, endpoint) in listed order."""
    for service_name, service in platform.services.items():
        for name, endpoint in service.endpoints.items():
            yield service_name, name, endpoint


def steps_of(platform: Platform) -> Iterator[Placed]:
    """Yield every step of every script, handlers and branches included."""
    for service, name, endpoint in endpoints_of(platform):
        parts = (*endpoint_parts(service, name), "steps")
        yield from steps_within(service, name, endpoint.steps, parts)


def steps_within(service: str, endpoint: str, steps: list[Any], parts: Parts) -> Iterator[Placed]:
    """Yield the steps of a list and all steps within them."""
    for index, step in enumerate(steps):
        here = (*parts, str(index))
        yield Placed(service, endpoint, here, step)
        for sub, inner in blocks_of(step):
            yield from steps_within(service, endpoint, inner, (*here, *sub))


def blocks_of(step: StepBase) -> Iterator[tuple[Parts, list[Any]]]:
    """Yield (path below the step, steps) of each list of steps that a step contains."""
    if isinstance(step, Hold):
        yield ("do",), step.do
    if isinstance(step, Fork):
        for index, branch in enumerate(step.fork):
            yield ("fork", str(index)), branch
    if isinstance(step, Choose):
        for index, option in enumerate(step.choose):
            yield ("choose", str(index), "do"), option.do
    if isinstance(step, Lookup):
        for name in ("on_hit", "on_miss", "on_stale"):
            yield (name,), getattr(step, name) or []
    if isinstance(step, Call):
        yield ("on_ok",), step.on_ok or []
    if isinstance(step, Failing):
        for name in HANDLERS:
            yield (name,), getattr(step, name) or []


def cache_named(platform: Platform, service: str, name: str) -> Cache | None:
    """Return the cache a step of `service` names: its own, or `service.cache`."""
    owner, _, cache = name.rpartition(".")
    found = platform.services.get(owner or service)
    return found.caches.get(cache) if found else None


def endpoint_named(platform: Platform, name: str) -> Endpoint | None:
    """Return the endpoint `service.endpoint`, None where there is none."""
    service, _, endpoint = name.partition(".")
    found = platform.services.get(service)
    return found.endpoints.get(endpoint) if found else None


def key_of(run: Run, parts: Parts) -> str:
    """Return a path as the user wrote it: the index of a single step without a list is left out."""
    if not run.written:
        return ".".join(parts)
    kept: list[str] = []
    here: Any = run.written
    for part in parts:
        below = written_below(here, part)
        if part == "0" and below is None and isinstance(here, Mapping | str):
            continue
        kept.append(part)
        here = below
    return ".".join(kept)
