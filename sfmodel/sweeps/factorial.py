"""Two-level factorial designs: main effects and two-way interactions, with intervals.

Of a fraction of a full design some effects cannot be told apart: their columns are the same but for the sign. They are one
term, named by all of them. In a design that is no regular fraction, such as that of Plackett and Burman, columns of interactions
are neither the same nor orthogonal: there main effects alone are estimated, and parts of interactions are in them.

An effect is the mean with the factor on less the mean with it off; an interaction half of what one factor adds to the effect
of the other (Box, Hunter and Hunter, Statistics for Experimenters, 2005, chapters 5 and 6).

Seeds are blocks: chance that all points of a seed share is in no effect. What is left is that effects differ from seed to seed,
some more than others, for what a change does on a seed is shared by all points that have it. So each effect has an interval of
its own values, by Student's t with S − 1 degrees of freedom of S seeds. Of two seeds that would say nothing: there the variances
of all effects are taken to be alike (`variances`), and the intervals are right in as many cases over all effects, but not for
one that varies much more than the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError
from sfmodel.results.intervals import LEVEL, Interval, mean_and_half
from sfmodel.sweeps.rounding import without_rounding
from sfmodel.sweeps.variances import drawn_variances

OWN = 3
"""Seeds from which on each effect has an interval of its own values."""

DRAWS = 20_000
"""Of variances, where they are taken to be alike: the width of an interval is known to within 1 %."""

Names = tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """Effects that the design does not tell apart."""

    names: tuple[Names, ...]
    """One name for a main effect, two for an interaction; the lowest order first."""
    signs: tuple[int, ...]
    """Of each, beside the first: −1 where the design takes it for the opposite."""

    @property
    def is_main(self) -> bool:
        """Whether a main effect is among them."""
        return len(self.names[0]) == 1

    @property
    def written(self) -> str:
        """All of them in words."""
        signed = zip(self.signs, self.names, strict=True)
        return " = ".join(("−" if sign < 0 else "") + " × ".join(one) for sign, one in signed)


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


def is_regular(levels: NDArray[np.float64]) -> bool:
    """Whether of two effects of a design, interactions included, each pair has the same column, opposite or orthogonal ones."""
    _, columns = _terms([str(k) for k in range(levels.shape[1])], levels)
    every = np.column_stack([np.ones(len(levels)), columns])
    return bool(np.array_equal(every.T @ every, len(levels) * np.eye(every.shape[1])))


def effects(names: Sequence[str], levels: NDArray[np.float64], response: NDArray[np.float64]) -> list[Effect]:
    """Estimate all main effects of a design, and of a regular one all two-way interactions.

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
    terms, columns = _terms(names, levels, (1, 2) if is_regular(levels) else (1,))
    n, seeds = response.shape
    each = without_rounding(2 * columns.T @ response / n, response)  # [term, seed]
    mean, half = mean_and_half(each.T)
    if 1 < seeds < OWN:
        half = _half_where_alike(each)
    sizes = [Interval(float(m), float(h), seeds) for m, h in zip(mean, half, strict=True)]
    return [Effect(term, size, own) for term, size, own in zip(terms, sizes, each, strict=True)]


def _half_where_alike(each: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half of the interval of each effect, shape [term], of effects by seed whose variances are alike, [term, seed]."""
    terms, seeds = each.shape
    rng = np.random.default_rng(0)  # the same runs, the same intervals
    variances = drawn_variances(each.var(axis=1, ddof=1), np.full(terms, seeds - 1.0), DRAWS, rng)
    return np.quantile(abs(np.sqrt(variances / seeds) * rng.standard_normal(variances.shape)), LEVEL, axis=0)


def _terms(
    names: Sequence[str], levels: NDArray[np.float64], orders: Sequence[int] = (1, 2)
) -> tuple[list[Term], NDArray[np.float64]]:
    """Terms and their columns, shape [point, term]; what equals the mean is none."""
    found: dict[bytes, list[tuple[Names, int]]] = {}
    columns: dict[bytes, NDArray[np.float64]] = {}
    for order in orders:
        for chosen in combinations(range(len(names)), order):
            column = levels[:, list(chosen)].prod(axis=1)
            key = (column * column[0]).astype(np.int8).tobytes()  # the same for both signs
            first = columns.setdefault(key, column)
            found.setdefault(key, []).append((tuple(names[k] for k in chosen), int(column[0] * first[0])))
    constant = np.ones(len(levels), np.int8).tobytes()
    kept = [key for key in found if key != constant]
    terms = [Term(tuple(one for one, _ in found[key]), tuple(sign for _, sign in found[key])) for key in kept]
    return terms, np.stack([columns[key] for key in kept], axis=1)
