"""The fluid arithmetic of the peak: it reads today's configuration, and its refusals are those of a token bucket."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

from feasibility import baseline, refusals


def test_it_reads_the_configuration() -> None:
    assert min(asdict(baseline()).values()) > 0


def test_who_asks_for_much_more_than_the_quota_is_refused_the_rest() -> None:
    loads, shares = refusals(8)
    assert (np.diff(shares) >= 0).all()
    assert shares[0] < 1e-6  # a fifth of the quota, bursts of 8
    assert shares[-1] == pytest.approx(1 - 1 / loads[-1], abs=1e-3)
