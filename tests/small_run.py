"""Six windows of 10 s from 20:00 of a platform of two services, with numbers that can be added up by head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sfmodel.results.folder import RunFolder
from sfmodel.results.recorder import Recorder
from sfmodel.results.variables import OUTCOMES, coordinates, declare, latency_bin

LABELS = {
    "service": ["web", "shop"],
    "endpoint": ["web.get", "web.put", "shop.search"],
    "station": ["shop.cpu", "shop.disk#0", "shop.disk#1"],
    "call": ["web.get>shop.search", "web.get>shop.search#2", "web.put>shop.search"],
    "cache": ["shop.pages"],
    "limiter": ["web.clients"],
    "queue": ["shop.mail"],
    "request": ["guest.get", "guest.put"],
    "cause": [
        "who asked",
        "network",
        "web",
        "shop",
        "shop.cpu",
        "shop.disk",
        "web.clients (limiter)",
        "shop.mail (queue)",
    ],
}
COUNTERS = {"cost": ("USD", "Cost")}


Edit = Callable[[int, dict[str, Any]], None]


def make_run(
    windows: int = 6,
    edit: Edit | None = None,
    start_s: float = 72000.0,
    store: Path | None = None,
    window_s: float = 10.0,
    **attrs: Any,
) -> Any:
    """Record windows of zeros, changed by `edit(k, values)`, in memory unless a store is named."""
    recorder = Recorder(LABELS, start_s, window_s, windows, COUNTERS, store)
    sizes = {dim: len(values) for dim, values in coordinates(LABELS).items()}
    declared = declare(LABELS, COUNTERS)
    for k in range(windows):
        values = {name: np.zeros(found.shape(sizes), found.dtype) for name, found in declared.items()}
        if edit is not None:
            edit(k, values)
        recorder.record(k, values)
    return recorder.finish(attrs)


def recorded_run(name: str, windows: int = 6, edit: Edit | None = None, **attrs: Any) -> Path:
    """Put such a run into a folder of its own under ./runs and return the folder."""
    with RunFolder(name, Path("runs")) as folder:
        make_run(windows, edit, store=folder.dataset, **attrs).close()
        return folder.complete()


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
