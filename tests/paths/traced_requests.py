"""Spans by hand, in the form of traces.jsonl."""

from __future__ import annotations

from typing import Any


def span(call: str, after_s: float, time_s: float, **keys: Any) -> dict[str, Any]:
    """A call that begins so long after its request and takes so long; `arrived_s` after the request, too."""
    service, _, endpoint = call.rpartition(">")[2].partition("#")[0].partition(".")
    return {
        "call": call,
        "service": service,
        "endpoint": endpoint,
        "start_s": after_s,
        "ended_s": after_s + time_s,
        **keys,
    }


def request(
    trace: str,
    start_s: float,
    time_s: float,
    *spans: dict[str, Any],
    outcome: str = "ok",
    endpoint: str = "get",
    user: int | None = 5,
) -> list[dict[str, Any]]:
    """Spans of a request to web; all calls are its children."""
    root = {"call": None, "service": "web", "endpoint": endpoint, "start_s": 0.0, "ended_s": time_s, "outcome": outcome}
    return [
        {
            "trace": trace, "span": f"{trace}{k}", "parent": f"{trace}0" if k else None, "replica": 0, "queued_s": 0.0,
            "served_s": 0.0, "outcome": "ok", "cause": "web", "attempt": 0, "zombie": False, "user": user, "item": 9, **one,
            "start_s": start_s + one["start_s"], "arrived_s": start_s + one.get("arrived_s", one["start_s"]),
            "ended_s": start_s + one["ended_s"],
        }
        for k, one in enumerate((root, *spans))
    ]  # fmt: skip
