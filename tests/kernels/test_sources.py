"""When sources' arrivals are: intervals, times, and a Poisson process under a changing rate."""

from __future__ import annotations

import numpy as np
import pytest
from alone import Bench, of

from sfkernels import names
from sfkernels.records import KNOT, SOURCE
from sfkernels.sources import next_time

pytestmark = pytest.mark.interpreted


def arrivals(bench: Bench, most: int = 1000) -> list[float]:
    found: list[float] = []
    while len(found) < most and (time := float(bench.call(next_time, o=0, now=found[-1] if found else 0.0))) < np.inf:
        found.append(time)
    return found


def test_at_intervals() -> None:
    bench = Bench(size=1, sources=of(SOURCE, kind=names.SOURCE_EVERY, every=0.25), knots=of(KNOT))
    assert arrivals(bench, 4) == [0.25, 0.5, 0.75, 1.0]


def test_at_times() -> None:
    knots = of(KNOT, 5, time=[0, 1, 1, 4, 9])
    bench = Bench(size=1, sources=of(SOURCE, kind=names.SOURCE_TIMES, first=1, at=1, count=3), knots=knots)
    assert arrivals(bench) == [1, 1, 4]


def test_a_rate_moves_arrivals_and_changes_no_gap_in_the_integral() -> None:
    # 10/s for 5 s, nothing for 5 s, 20/s for 5 s; the same source at twice the rate
    times, totals = np.array([0, 5, 10, 15.0]), np.array([0, 50, 50, 150.0])
    integrals = []
    for factor in (1, 2):
        source = of(SOURCE, kind=names.SOURCE_POISSON, count=4, salt=3)
        pace = np.array([0.1, 0, 0.05, 0]) / factor
        bench = Bench(size=1, sources=source, knots=of(KNOT, 4, time=times, total=factor * totals, pace=pace))
        found = np.array(arrivals(bench))
        assert (np.diff(found) >= 0).all()
        assert not ((found > 5) & (found < 10)).any()
        assert found.max() <= 15
        assert abs(len(found) - 150 * factor) < 5 * np.sqrt(150 * factor)
        integrals.append(np.interp(found, times, factor * totals))
    common = min(map(len, integrals))
    np.testing.assert_allclose(integrals[0][:common], integrals[1][:common], rtol=1e-9)


def test_without_a_rate_there_is_none() -> None:
    source = of(SOURCE, kind=names.SOURCE_POISSON, count=2, salt=3)
    assert arrivals(Bench(size=1, sources=source, knots=of(KNOT, 2, time=[0, 10]))) == []
