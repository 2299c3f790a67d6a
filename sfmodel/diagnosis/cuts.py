"""Cuts: changes of a platform under which one service cannot act on another as an edge of a cascade says.

Who waits for a service, or fails with it, waits for as long as nearly all calls usually take and goes on without an answer.
Calls that misses or further traffic make beyond the usual are not made. What is called again is called once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfmodel.diagnosis.edges import USERS, Edge
from sfmodel.diagnosis.scene import Scene, service_of
from sfmodel.results import measures
from sfmodel.schema.steps import Call, Lookup, Return, StepBase
from sfmodel.schema.walk import HANDLERS, Parts, Placed, key_of, steps_of

if TYPE_CHECKING:
    from sfmodel.plan import Plan
    from sfmodel.schema.run import Run

NEARLY_ALL = 0.95
"""Share of the usual calls that are answered within the time that is waited."""


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
        return dict(_impatient(run, plan, scene, edge))
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


def _impatient(run: Run, plan: Plan, scene: Scene, edge: Edge) -> Iterator[tuple[str, Any]]:
    """The target waits for no answer of the source that takes longer than nearly all usually do, and needs none."""
    ds = scene.ds
    usual = measures.fold(ds, scene.calm, ["call_latency"])["call_latency"]
    for site in _sites(run, plan):
        if (service_of(_callee(site.label)), service_of(site.label)) == (edge.source, edge.target):
            patience_s = float(measures.quantile(usual.sel(call=site.label), NEARLY_ALL))
            if math.isfinite(patience_s):
                yield f"{site.key}.timeout", f"{patience_s} s"
            yield f"{site.key}.retries", None
            yield from ((f"{site.key}.{name}", []) for name in HANDLERS if getattr(site.step, name, None) is not None)
            yield f"{site.key}.on_failure", []
    for name, cache in run.platform.services[edge.target].caches.items():
        reads = [
            f"{label}>{cache.read}" for label in map(str, ds["endpoint"].values) if service_of(label) == edge.target
        ]
        reads = [label for label in reads if label in ds["call"].values]
        if cache.read and service_of(cache.read) == edge.source and reads:
            patience_s = float(measures.quantile(usual.sel(call=reads).sum("call"), NEARLY_ALL))
            if math.isfinite(patience_s):
                yield f"services.{edge.target}.caches.{name}.timeout", f"{patience_s} s"


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
