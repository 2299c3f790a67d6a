"""Cuts: changes of a platform under which one service cannot act on another as an edge of a cascade says.

Who waits for a service, or fails with it, calls a stand-in instead, which answers when the service usually does. Calls that
misses or further traffic make beyond the usual are not made. What is called again is called once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sfmodel.diagnosis.edges import USERS, Edge
from sfmodel.diagnosis.scene import Scene, service_of
from sfmodel.results import measures
from sfmodel.results.variables import LATENCY_CENTRES
from sfmodel.schema.steps import Call, Lookup, Return, StepBase
from sfmodel.schema.walk import Parts, Placed, key_of, steps_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sfmodel.plan import Plan
    from sfmodel.schema.run import Run

STAND_IN = "stand_in"
"""Service that answers as another usually does; with a _ behind it where there is one of that name."""


@dataclass(frozen=True)
class _Site:
    """A step that calls."""

    label: str
    key: str
    step: Call


def cut(run: Run, plan: Plan, scene: Scene, edge: Edge, usual: float) -> dict[str, Any]:
    """Keys and values that cut an edge, as an intervention sets them; empty: there is no way to.

    Parameters
    ----------
    run
        The run, validated.
    plan
        Its plan.
    scene
        What it has shown.
    edge
        What is cut.
    usual
        Of the calls that come this way during the cascade, the share that usual traffic would have made.
    """
    if edge.source == USERS:
        return {"users.retry.probability": 0}
    if edge.how in ("waits", "fails"):
        return _stood_in(run, plan, scene, edge)
    sites = [site for site in _sites(run, plan) if service_of(_callee(site.label)) == edge.target]
    if edge.how == "retries":
        return {
            f"{one.key}.retries": None for one in sites if service_of(one.label) == edge.source and one.step.retries
        }
    behind = dict(zip(map(str, scene.ds["call"].values), scene.behind, strict=True))
    if edge.how == "traffic":
        chosen = [one for one in sites if not behind[one.label] and service_of(one.label) == edge.source]
        return {f"{one.key}.with_probability": one.step.with_probability * usual for one in chosen}
    chosen = [one for one in sites if scene.kept_in.get(behind[one.label]) == edge.source]
    skipped = {f"{one.key}.with_probability": one.step.with_probability * usual for one in chosen}
    return skipped | dict(_as_hits(run, scene, edge, usual))


def _as_hits(run: Run, scene: Scene, edge: Edge, usual: float) -> Iterator[tuple[str, Any]]:
    """Of the lookups that the target makes, those that miss beyond the usual are followed by nothing, as if they had hit."""
    for placed in steps_of(run.platform):
        step = placed.step
        if placed.service != edge.target or not isinstance(step, Lookup):
            continue
        cache = step.lookup if "." in step.lookup else f"{placed.service}.{step.lookup}"
        if scene.kept_in.get(cache) == edge.source:
            for parts, behind in _only_missed(run, placed):
                yield f"{_key(run, parts)}.with_probability", behind.with_probability * usual


def _only_missed(run: Run, lookup: Placed) -> Iterator[tuple[Parts, StepBase]]:
    """Steps that only a miss comes to: in its block, and behind the lookup, where a hit returns."""
    step = lookup.step
    assert isinstance(step, Lookup)
    yield from (((*lookup.parts, "on_miss", str(k)), one) for k, one in enumerate(step.on_miss))
    if any(isinstance(one, Return) for one in step.on_hit):
        *before, number = lookup.parts
        for other in steps_of(run.platform):
            if other.parts[:-1] == tuple(before) and int(other.parts[-1]) > int(number):
                yield other.parts, other.step


def _stood_in(run: Run, plan: Plan, scene: Scene, edge: Edge) -> dict[str, Any]:
    """The target calls a stand-in for the source, with an endpoint for each call, that answers when it usually is answered."""
    calls = {
        f"{site.key}.call": ([site.label], {f"{site.key}.network": "0 s"})
        for site in _sites(run, plan)
        if (service_of(_callee(site.label)), service_of(site.label)) == (edge.source, edge.target)
    }
    for name, cache in run.platform.services[edge.target].caches.items():
        if cache.read and service_of(cache.read) == edge.source:
            labels = [f"{caller}>{cache.read}" for caller in map(str, scene.ds["endpoint"].values)]
            calls[f"services.{edge.target}.caches.{name}.read"] = (
                [label for label in labels if service_of(label) == edge.target and label in scene.ds["call"].values], {},
            )  # fmt: skip
    usual = measures.fold(scene.ds, scene.calm, ["call_latency"])["call_latency"]
    stand_in = STAND_IN
    while stand_in in run.platform.services:
        stand_in += "_"
    endpoints: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for key, (labels, more) in calls.items():
        times = _mean_and_cv(usual.sel(call=labels).sum("call").values)
        if times is not None:
            name = f"as_{len(endpoints)}"
            endpoints[name] = {"steps": [{"sleep": {"lognormal": {"mean": f"{times[0]} s", "cv": times[1]}}}]}
            found |= {key: f"{stand_in}.{name}", **more}
    return {f"services.{stand_in}": {"endpoints": endpoints}, **found} if endpoints else {}


def _mean_and_cv(counts: NDArray[np.int64]) -> tuple[float, float] | None:
    """Mean, s, and coefficient of variation of durations in a histogram, shape [latency]; none: there are none."""
    if not counts.sum():
        return None
    mean = float(np.average(LATENCY_CENTRES, weights=counts))
    return mean, float(np.sqrt(np.average((LATENCY_CENTRES - mean) ** 2, weights=counts)) / mean)


def _sites(run: Run, plan: Plan) -> list[_Site]:
    """The steps that call, each with the label of its call site and its key."""
    labels = {id(site.call): site.label for site in plan.stretches[0].scripts.sites if site.call is not None}
    return [
        _Site(labels[id(placed.step)], _key(run, placed.parts), placed.step)  # type: ignore[arg-type]
        for placed in steps_of(run.platform)
        if id(placed.step) in labels
    ]


def _key(run: Run, parts: Parts) -> str:
    """Key of a step as an intervention writes it."""
    return key_of(run, parts).removeprefix("platform.")


def _callee(label: str) -> str:
    return label.rpartition(">")[2]
