"""Which differences are none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9
"""Differences that are less than this, of the largest figure, are none."""


def without_rounding(differences: NDArray[np.float64], figures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences of figures; 0 where rounding may have made them."""
    return np.where(abs(differences) <= ROUNDING * abs(figures).max(), 0.0, differences)
