"""Datasets of a small platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_run import COUNTERS, LABELS

from sfmodel.results.recorder import Recorder
from sfmodel.results.variables import coordinates, declare

Edit = Callable[[int, dict[str, Any]], None]


@pytest.fixture
def make_run() -> Callable[..., Any]:
    """Record windows of zeros, changed by `edit(k, values)`; `place(dim, label)` is the index of a label."""

    def make(windows: int = 6, edit: Edit | None = None, start_s: float = 72000.0, **attrs: Any) -> Any:
        recorder = Recorder(LABELS, start_s, 10.0, windows, COUNTERS)
        sizes = {dim: len(values) for dim, values in coordinates(LABELS).items()}
        declared = declare(LABELS, COUNTERS)
        for k in range(windows):
            values = {name: np.zeros(found.shape(sizes), found.dtype) for name, found in declared.items()}
            if edit is not None:
                edit(k, values)
            recorder.record(k, values)
        return recorder.finish(attrs)

    return make
