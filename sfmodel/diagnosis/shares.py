"""Time of many things divided into parts: sums, shares, and how far the shares of a sample may be from those of all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

P = TypeVar("P", bound=Hashable)

NS = 1_000_000_000
_QUANTILE = 1.959964
"""Of the normal distribution, for 95 % intervals."""


@dataclass(frozen=True)
class Shares(Generic[P]):
    """Some things, and what their time is made of."""

    count: int
    """How many things."""
    total_ns: int
    parts_ns: Mapping[P, int]
    """These add up to the total, to the last nanosecond; the largest first."""
    halves: Mapping[P, float]
    """Half the 95 % interval of each share, as the share of a sample (a ratio estimate: Cochran, Sampling Techniques, 1977,
    chapter 6); NaN of a single thing."""

    @property
    def mean_s(self) -> float:
        """Mean time of a thing, s."""
        return self.total_ns / self.count / NS if self.count else math.nan

    def mean_of_s(self, part: P) -> float:
        """What a part takes of a thing, s, in the mean."""
        return self.parts_ns.get(part, 0) / self.count / NS if self.count else math.nan

    def share(self, part: P) -> float:
        """Share of a part in the time."""
        return self.parts_ns.get(part, 0) / self.total_ns if self.total_ns else math.nan


def shares_of(each: Iterable[Mapping[P, int]]) -> Shares[P]:
    """Sum up the parts of each thing, ns."""
    parts: Counter[P] = Counter()
    squares: Counter[P] = Counter()
    products: Counter[P] = Counter()
    count, total, square = 0, 0, 0
    for one in each:
        time = sum(one.values())
        count, total, square = count + 1, total + time, square + time * time
        for part, spent in one.items():
            parts[part] += spent
            squares[part] += spent * spent
            products[part] += spent * time
    halves = {}
    for part, spent in parts.items():
        share = spent / total if total else math.nan
        spread = max(0.0, squares[part] - 2 * share * products[part] + share * share * square)
        halves[part] = _QUANTILE * math.sqrt(spread * count / (count - 1)) / total if count > 1 and total else math.nan
    return Shares(count, total, dict(parts.most_common()), halves)
