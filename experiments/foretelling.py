"""What rows would be at values that were not simulated: a product of powers of the values, learnt as simulations come in.

Bayesian linear regression on logarithms (Bishop, Pattern Recognition and Machine Learning, section 3.3). What is believed
before are the elasticities that `calibrate.py sensitivity` measured, as surely as their intervals say.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

LEAST = 0.02
"""Standard deviation at least of what is believed, and of what is measured: rows are no exact powers."""
LIKELY = 0.5
"""Standard deviation of powers that were not measured."""
RUNS = 2
"""Runs whose mean is learnt, such as of two seeds."""
UNSURE = 0.1
"""How unsure an elasticity is beside its interval, relative: it was measured over a fifth of the range."""


class Foretelling:
    """Beliefs about rows, as products of powers of values.

    Parameters
    ----------
    sensitivities
        File that `calibrate.py sensitivity` wrote.
    here
        Name → value at which the sensitivities were measured.
    seeds
        Runs of each point in that file.
    """

    def __init__(self, sensitivities: Path, here: Mapping[str, float], seeds: int) -> None:
        """Read what was measured."""
        self.here = dict(here)
        self._mean: dict[str, NDArray[np.float64]] = {}
        self._covariance: dict[str, NDArray[np.float64]] = {}
        self._noise: dict[str, float] = {}
        lines: dict[str, list[dict[str, str]]] = {}
        with sensitivities.open(newline="") as file:
            for line in csv.DictReader(file):
                lines.setdefault(line["row"], []).append(line)
        for row, measured in lines.items():
            middles = [float(one["measured_lower"] or 0) * float(one["measured_higher"] or 0) for one in measured]
            if all(one["low"] for one in measured) and min(middles) > 0:
                self._believe(row, measured, 0.5 * np.log(middles), seeds)

    def _believe(
        self, row: str, measured: Sequence[Mapping[str, str]], middles: NDArray[np.float64], seeds: int
    ) -> None:
        mean, sd = np.zeros(1 + len(self.here)), np.zeros(1 + len(self.here))
        mean[0], sd[0] = np.median(middles), max(LEAST, float(np.std(middles)))
        places = {name: k for k, name in enumerate(self.here, 1)}
        for one in measured:
            elasticity, low, high = (float(one[key]) for key in ("elasticity", "low", "high"))
            error = (high - low) / 2 / float(t.ppf(0.975, seeds - 1))
            mean[places[one["value"]]] = elasticity
            sd[places[one["value"]]] = math.hypot(error, UNSURE * elasticity, LEAST)
        self._mean[row], self._covariance[row] = mean, np.diag(sd**2)
        # a middle is a mean of 2 · seeds runs, what is learnt one of RUNS
        self._noise[row] = max(LEAST, float(np.std(middles)) * math.sqrt(2 * seeds / RUNS)) ** 2

    def _wonder(self, row: str, value: float) -> None:
        """Believe of a row that it is about so much, and that its powers are about as likely up as down."""
        self._mean[row] = np.array([math.log(value), *np.zeros(len(self.here))])
        self._covariance[row] = np.diag([LEAST, *np.full(len(self.here), LIKELY)]) ** 2
        self._noise[row] = LEAST**2

    def at(self, values: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """Row → what it would be at each of several sets of values.

        Parameters
        ----------
        values
            Name → values, shape [sets]; what is not named stays as it is.
        """
        x = self._features(values)
        return {row: np.exp(x @ mean) for row, mean in self._mean.items()}

    def learn(self, values: Mapping[str, float], rows: Mapping[str, float]) -> None:
        """Take in what was simulated at a set of values; of rows that no sensitivity was measured of, too."""
        (x,) = self._features({name: np.array([value]) for name, value in values.items()})
        for row in rows:
            if rows[row] > 0:
                if row not in self._mean:
                    self._wonder(row, rows[row])
                spread = self._covariance[row] @ x
                gain = spread / (x @ spread + self._noise[row])
                self._mean[row] = self._mean[row] + gain * (math.log(rows[row]) - x @ self._mean[row])
                self._covariance[row] = self._covariance[row] - np.outer(gain, spread)

    def _features(self, values: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """One, and the logarithms of the values over those here, shape [sets, 1 + values]."""
        count = len(next(iter(values.values())))
        x = np.zeros((count, 1 + len(self.here)))
        x[:, 0] = 1.0
        for k, (name, here) in enumerate(self.here.items(), 1):
            if name in values:
                x[:, k] = np.log(values[name] / here)
        return x
