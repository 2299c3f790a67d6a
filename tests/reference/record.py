"""What is measured (section 10): counts and integrals by window."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from .clock import Clock

Key = Any
HIGHEST = ("station_queue_max",)


@dataclass
class Reference:
    """Results by name and key: `windows` of each name, `totals` over the run, states at its end."""

    windows: dict[str, dict[Key, Any]]
    """name → key → array over windows; outcomes: name → key → outcome → array."""
    totals: dict[str, dict[Key, Any]]
    """name → key → number; outcomes: name → key → outcome → number."""

    def __getattr__(self, name: str) -> dict[Key, Any]:
        """The totals of one name; empty if it never happened."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.totals.get(name, {})


class Recorder:
    """Adds up by window."""

    def __init__(self, clock: Clock, start: float, until: float, window: float) -> None:
        self.clock, self.start, self.until, self.window = clock, start, until, window
        self.number = max(1, math.ceil((until - start) / window))
        self.sums: dict[str, dict[Key, np.ndarray]] = defaultdict(lambda: defaultdict(lambda: np.zeros(self.number)))

    def index(self, time: float) -> int:
        """The window of a time."""
        return min(self.number - 1, int((time - self.start) // self.window))

    def add(self, name: str, key: Key, amount: float = 1.0) -> None:
        """Count something that happens now."""
        if self.start <= self.clock.now < self.until:
            self.sums[name][key][self.index(self.clock.now)] += amount

    def pieces(self, since: float) -> list[tuple[int, float]]:
        """Window and length of each part of the time from `since` to now."""
        low, high = max(since, self.start), min(self.clock.now, self.until)
        if low >= high:
            return []
        parts = []
        for index in range(self.index(low), self.index(high) + 1):
            begin = max(low, self.start + index * self.window)
            end = high if index == self.number - 1 else min(high, self.start + (index + 1) * self.window)
            if end > begin:
                parts.append((index, end - begin))
        return parts

    def integral(self, name: str, key: Key, since: float, value: float) -> None:
        """Add value × time from `since` to now."""
        for index, length in self.pieces(since):
            self.sums[name][key][index] += value * length

    def highest(self, name: str, key: Key, since: float, value: float) -> None:
        """Note a value that stood from `since` to now, or stands from now on."""
        windows = [index for index, _ in self.pieces(since)]
        if since < self.clock.now and self.start <= self.clock.now < self.until:
            windows.append(self.index(self.clock.now))
        if since == self.clock.now and self.start <= since < self.until:
            windows = [self.index(since)]
        for index in windows:
            self.sums[name][key][index] = max(self.sums[name][key][index], value)

    def result(self, states: dict[str, dict[Key, Any]]) -> Reference:
        """Windows and totals, and the states at the end among the totals."""
        windows: dict[str, dict[Key, Any]] = {name: _nested(of) for name, of in self.sums.items()}
        totals = {
            name: _nested({k: float(a.max() if name in HIGHEST else a.sum()) for k, a in of.items()})
            for name, of in self.sums.items()
        }
        return Reference(windows, totals | states)


def _nested(by_key: dict[Key, Any]) -> dict[Key, Any]:
    """(key, outcome) → value becomes key → outcome → value."""
    nested: dict[Key, Any] = {}
    for key, value in by_key.items():
        if isinstance(key, tuple):
            nested.setdefault(key[0], {})[key[1]] = value
        else:
            nested[key] = value
    return nested
