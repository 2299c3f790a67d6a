"""Distributions as records: each use has one of its own, so that a change of one moves no other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sfkernels import names
from sfkernels.records import DURATION
from sfmodel.plan.series import durations_s
from sfmodel.schema.durations import Distribution


@dataclass
class Durations:
    """Collects the distributions of a plan."""

    rows: list[tuple[float, float, float, float, int, int, int]] = field(default_factory=list)
    recorded: list[NDArray[np.float64]] = field(default_factory=list)
    recorded_count: int = 0

    def copy(self) -> Durations:
        """The same, to go on with."""
        return Durations(list(self.rows), list(self.recorded), self.recorded_count)

    def add(self, time: Distribution, key: str) -> int:
        """Index of a distribution; `key` is the configuration key that an error names."""
        a, b, c, kind, first, count = self._parameters(time, key)
        self.rows.append((a, b, c, time.plus, kind, first, count))
        return len(self.rows) - 1

    def _parameters(self, time: Distribution, key: str) -> tuple[float, float, float, int, int, int]:
        if time.constant is not None:
            return time.constant, 0.0, 0.0, names.CONSTANT, 0, 0
        if time.exponential is not None:
            return time.exponential, 0.0, 0.0, names.EXPONENTIAL, 0, 0
        if time.empirical is not None:
            r = time.empirical
            values = durations_s(r.file, r.column, r.unit, r.scale, key)
            first = self.recorded_count
            self.recorded.append(values)
            self.recorded_count += len(values)
            return 1.0, 0.0, 0.0, names.EMPIRICAL, first, len(values)
        shape = time.lognormal or time.gamma or time.hyperexponential
        assert shape is not None
        mean, cv = shape.mean, shape.cv
        if mean == 0 or cv == 0:
            return mean, 0.0, 0.0, names.CONSTANT, 0, 0
        if time.lognormal is not None:
            variance = math.log1p(cv * cv)
            return math.log(mean) - variance / 2, math.sqrt(variance), 0.0, names.LOGNORMAL, 0, 0
        if time.gamma is not None:
            return 1 / (cv * cv), mean * cv * cv, 0.0, names.GAMMA, 0, 0
        p = 0.5 * (1 + math.sqrt((cv * cv - 1) / (cv * cv + 1)))
        return p, mean / (2 * p), mean / (2 * (1 - p)), names.HYPEREXPONENTIAL, 0, 0

    def arrays(self) -> tuple[NDArray, NDArray[np.float64]]:
        """(durations, recorded values)."""
        values = np.concatenate(self.recorded) if self.recorded else np.zeros(1)
        return np.array(self.rows or [(0.0,) * 4 + (0,) * 3], dtype=DURATION), values
