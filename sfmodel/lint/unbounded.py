"""Calls without a timeout: when the callee is slow, so is everybody up to the user."""

from __future__ import annotations

from sfmodel.lint.paths import timeout_of
from sfmodel.lint.subject import Section, Subject
from sfmodel.schema.call_graph import waited_calls
from sfmodel.schema.steps import Call
from sfmodel.schema.walk import steps_of


def check(subject: Subject) -> Section:
    """Name every call that waits for as long as it takes; caches once, with the key that would bound them."""
    lines: dict[str, None] = {}
    for placed in steps_of(subject.platform):
        for waited in waited_calls(subject.platform, placed.service, placed.step):
            if timeout_of(subject.platform, placed.service, placed.step) is not None:
                continue
            if isinstance(placed.step, Call):
                lines[f"{subject.key(placed.parts)}: waits for {waited.target} as long as it takes"] = None
            else:
                name = next(
                    getattr(placed.step, v) for v in ("lookup", "store", "invalidate") if hasattr(placed.step, v)
                )
                owner, _, cache = name.rpartition(".")
                key = f"platform.services.{owner or placed.service}.caches.{cache}.timeout"
                lines[f"{key}: not set, so every use of the cache waits for its store as long as it takes"] = None
    return Section("Calls without a timeout", list(lines), nothing="every call has one")
