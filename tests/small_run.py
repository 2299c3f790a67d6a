"""Six windows of 10 s from 20:00 of a platform of two services, with numbers that can be added up by head."""

from __future__ import annotations

from typing import Any

import numpy as np

from sfmodel.results.variables import OUTCOMES, latency_bin

LABELS = {
    "service": ["web", "shop"],
    "endpoint": ["web.get", "web.put", "shop.search"],
    "station": ["shop.cpu", "shop.disk#0", "shop.disk#1"],
    "call": ["web.get>shop.search", "web.get>shop.search#2", "web.put>shop.search"],
    "cache": ["shop.pages"],
    "limiter": ["web.clients"],
    "queue": ["shop.mail"],
    "request": ["guest.get", "guest.put"],
}
COUNTERS = {"cost": ("USD", "Cost")}


def place(dim: str, label: str) -> int:
    return LABELS[dim].index(label)


OK, TIMEOUT, REJECTED = (OUTCOMES.index(name) for name in ("ok", "timeout", "rejected"))


def tasks(values: dict[str, Any], of: str, row: int, durations_s: list[float], failed: int = 0) -> None:
    """Tasks that ended, so long each; the last `failed` of them as timeouts."""
    good = len(durations_s) - failed
    values[f"{of}_outcomes"][row, OK] = good
    values[f"{of}_outcomes"][row, TIMEOUT] = failed
    values[f"{of}_time"][row] = sum(durations_s)
    values[f"{of}_latency"][row] = np.bincount(latency_bin(np.array(durations_s)), minlength=388)
    if of == "endpoint":
        values["endpoint_time_ok"][row] = sum(durations_s[:good])
        values["endpoint_latency_ok"][row] = np.bincount(latency_bin(np.array(durations_s[:good])), minlength=388)
