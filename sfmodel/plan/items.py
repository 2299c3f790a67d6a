"""Which endpoints ask about an item, themselves or through what they call: only they draw one."""

from __future__ import annotations

from collections.abc import Sequence

from sfmodel.plan.index import Index
from sfmodel.plan.scripts import blocks
from sfmodel.schema import steps as verbs
from sfmodel.schema.platform import Platform


def endpoints_about_items(platform: Platform, index: Index) -> list[bool]:
    """For each endpoint, in the order of the index."""
    uses: dict[str, bool] = {}
    calls: dict[str, set[str]] = {}
    for service, owner in platform.services.items():
        for name, endpoint in owner.endpoints.items():
            label = f"{service}.{name}"
            uses[label], calls[label] = _walk(platform, index, service, endpoint.steps)
    changed = True
    while changed:
        changed = False
        for label, targets in calls.items():
            if not uses[label] and any(uses[target] for target in targets):
                uses[label] = changed = True
    return [uses.get(label, False) for label in index.endpoints]


def _walk(platform: Platform, index: Index, service: str, steps: Sequence[verbs.StepBase]) -> tuple[bool, set[str]]:
    about, targets = False, set()
    for step in steps:
        if isinstance(step, verbs.Call):
            targets.add(step.call)
        elif isinstance(step, verbs.Send):
            targets.add(step.send)
        elif isinstance(step, verbs.Publish):
            owner, queue = step.publish.split(".", 1)
            targets.add(f"{owner}.{platform.services[owner].queues[queue].handler}")
        elif isinstance(step, verbs.Pass):
            about |= platform.services[service].limiters[step.pass_].key == "item"
        elif isinstance(step, verbs.Lookup | verbs.Store | verbs.Invalidate):
            verb = verbs.verb_of(step)
            cache = index.cache(service, getattr(step, verb))[1]
            about |= cache.key in ("item", "topic") or getattr(step, "scope", None) == "similar"
            call = getattr(cache, "read" if verb == "lookup" else "write" if verb == "store" else "invalidate")
            if call is not None:
                targets.add(call)
        for block in blocks(step):
            inner, more = _walk(platform, index, service, block)
            about |= inner
            targets |= more
    return about, targets
