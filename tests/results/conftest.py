"""Datasets of a made-up evening."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from evening import COUNTERS, LABELS, window_values

from sfmodel.results.recorder import Recorder


@pytest.fixture
def make_run() -> Callable[..., Any]:
    """Record a run of so many windows of 10 s from `start_s`; `load(time_s)` scales it."""

    def make(
        windows: int,
        start_s: float = 72000.0,
        load: Callable[[float], float] = lambda time_s: 1.0,
        labels: dict[str, list[str]] = LABELS,
        store: Any = None,
        **attrs: Any,
    ) -> Any:
        recorder = Recorder(labels, start_s, 10.0, windows, COUNTERS, store)
        for k in range(windows):
            recorder.record(k, window_values(k, labels, load(start_s + 10 * k)))
        return recorder.finish(attrs)

    return make
