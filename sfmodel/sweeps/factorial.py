"""Two-level factorial designs: main effects and two-way interactions, with intervals.

Of a fraction of a full design some effects cannot be told apart: their columns are the same but for the sign. They are one
term, named by all of them. An effect is the mean with the factor on less the mean with it off; an interaction half of what
one factor adds to the effect of the other (Box, Hunter and Hunter, Statistics for Experimenters, 2005, chapters 5 and 6).

Seeds are blocks: chance that all points of a seed share is in no effect. What is left is that effects differ from seed to seed.
In an orthogonal design of n points with independent errors of variance σ² each estimate has the same variance, 4σ²/n, so that
it is pooled over all terms: with T terms and S seeds it has T(S − 1) degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError
from sfmodel.results.intervals import LEVEL, Interval, student_quantile

Names = tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """Effects that the design does not tell apart."""

    names: tuple[Names, ...]
    """One name for a main effect, two for an interaction; the lowest order first."""

    @property
    def is_main(self) -> bool:
        """Whether a main effect is among them."""
        return len(self.names[0]) == 1

    @property
    def written(self) -> str:
        """All of them in words."""
        return " = ".join(" × ".join(one) for one in self.names)


@dataclass(frozen=True)
class Effect:
    """A term and how large it is."""

    term: Term
    size: Interval
    """In the unit of the response; its half is NaN with one seed."""
    by_seed: NDArray[np.float64]
    """Of each seed alone, shape [seed]."""

    @property
    def is_found(self) -> bool | None:
        """Whether it is more than chance; none: of one seed nothing can be said."""
        return None if self.size.ends is None else self.size.is_found


def is_factorial(levels: NDArray[np.float64]) -> bool:
    """Whether points, levels ±1 of shape [point, factor], are a balanced design with orthogonal main effects."""
    n, k = levels.shape
    return n > k and bool(np.array_equal(levels.T @ levels, n * np.eye(k))) and not levels.sum(axis=0).any()


def effects(names: Sequence[str], levels: NDArray[np.float64], response: NDArray[np.float64]) -> list[Effect]:
    """Estimate all main effects and two-way interactions of a design.

    Parameters
    ----------
    names
        Of the factors.
    levels
        ±1, shape [point, factor]; orthogonal.
    response
        Shape [point, seed], finite.

    Raises
    ------
    ConfigError
        The points are no orthogonal design: they do not tell the effects apart.
    """
    if not is_factorial(levels):
        raise ConfigError("the points are no orthogonal design of two levels, so they do not tell all effects apart")
    terms, columns = _terms(names, levels)
    n, seeds = response.shape
    each = 2 * columns.T @ response / n  # [term, seed]
    mean = each.mean(axis=1)
    half = np.full(len(terms), math.nan)
    if seeds > 1:
        freedom = len(terms) * (seeds - 1)
        variance = float(((each - mean[:, None]) ** 2).sum()) / freedom
        half[:] = student_quantile((1 + LEVEL) / 2, freedom) * math.sqrt(variance / seeds)
    sizes = [Interval(float(m), float(h), seeds) for m, h in zip(mean, half, strict=True)]
    return [Effect(term, size, own) for term, size, own in zip(terms, sizes, each, strict=True)]


def _terms(names: Sequence[str], levels: NDArray[np.float64]) -> tuple[list[Term], NDArray[np.float64]]:
    """Terms and their columns, shape [point, term]; what equals the mean is none."""
    found: dict[bytes, list[Names]] = {}
    columns: dict[bytes, NDArray[np.float64]] = {}
    for order in (1, 2):
        for chosen in combinations(range(len(names)), order):
            column = levels[:, list(chosen)].prod(axis=1)
            key = (column * column[0]).astype(np.int8).tobytes()  # the same for both signs
            found.setdefault(key, []).append(tuple(names[k] for k in chosen))
            columns.setdefault(key, column)
    constant = np.ones(len(levels), np.int8).tobytes()
    kept = [key for key in found if key != constant]
    return [Term(tuple(found[key])) for key in kept], np.stack([columns[key] for key in kept], axis=1)
