"""Draws: distributions, choices, hashes."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from sfmodel.schema.durations import Distribution, Recorded

from .files import column


class Chance:
    """One generator for everything; certain things are not drawn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.generator = np.random.default_rng(seed)
        self.recorded: dict[tuple[str, str], np.ndarray] = {}

    def uniform(self) -> float:
        """U in [0, 1)."""
        return float(self.generator.random())

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.uniform() < probability

    def choice(self, weights: list[float]) -> int:
        """An index, by weight."""
        threshold = self.uniform() * sum(weights)
        running = 0.0
        for index, weight in enumerate(weights):
            running += weight
            if threshold < running:
                return index
        return max(index for index, weight in enumerate(weights) if weight > 0)

    def sample(self, things: list[Any], number: int) -> list[Any]:
        """So many different things, or all of them."""
        chosen = self.generator.permutation(len(things))[:number]
        return [things[i] for i in chosen]

    def draws(self, things: list[Any], number: int) -> list[Any]:
        """So many draws of one thing, each from all of them."""
        return [things[i] for i in self.generator.integers(0, len(things), number)] if things else []

    def geometric(self, mean: float) -> int:
        """At least 1."""
        return int(self.generator.geometric(1.0 / mean))

    def exponential(self, mean: float) -> float:
        """Of this mean."""
        return float(self.generator.exponential(mean))

    def duration(self, time: Distribution) -> float:
        """One draw of a distribution."""
        return self._kind(time) + time.plus

    def _kind(self, time: Distribution) -> float:
        if time.constant is not None:
            return time.constant
        if time.exponential is not None:
            return self.exponential(time.exponential)
        if time.lognormal is not None:
            variance = math.log1p(time.lognormal.cv**2)
            return time.lognormal.mean * math.exp(self.generator.normal() * math.sqrt(variance) - variance / 2)
        if time.gamma is not None:
            return self._gamma(time.gamma.mean, time.gamma.cv)
        if time.hyperexponential is not None:
            return self._hyperexponential(time.hyperexponential.mean, time.hyperexponential.cv)
        return self._empirical(time.empirical)

    def _gamma(self, mean: float, cv: float) -> float:
        if cv == 0:
            return mean
        return float(self.generator.gamma(1 / cv**2, mean * cv**2))

    def _hyperexponential(self, mean: float, cv: float) -> float:
        p = (1 + math.sqrt((cv**2 - 1) / (cv**2 + 1))) / 2
        share = p if self.happens(p) else 1 - p
        return float(self.generator.exponential(mean / (2 * share)))

    def _empirical(self, recorded: Recorded) -> float:
        key = (recorded.file, recorded.column)
        if key not in self.recorded:
            self.recorded[key] = column(recorded.file, recorded.column)
        unit = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0, "h": 3600.0}[recorded.unit]
        return float(self.generator.choice(self.recorded[key])) * unit * recorded.scale

    def hashed(self, what: str, number: int | None) -> float:
        """A hash of a number to [0, 1), fixed in a run."""
        digest = hashlib.blake2b(f"{self.seed}:{what}:{number}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64
