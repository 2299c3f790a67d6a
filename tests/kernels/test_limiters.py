"""Limiters against a twin written from docs/model.md, section 6; one for all, and one for each key."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from alone import INTERPRETED, Bench, of
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkernels import names
from sfkernels.limiters import pass_all, pass_key, window_at
from sfkernels.records import LIMITER

pytestmark = pytest.mark.interpreted


class Bucket:
    def __init__(self, rate: float, burst: int, waits: bool, max_wait: float) -> None:
        self.rate, self.burst, self.waits, self.max_wait, self.at = rate, burst, waits, max_wait, 0.0

    def wait(self, now: float) -> float | None:
        """Time until it conforms, None for a refusal."""
        a = max(self.at, now)
        wait = a - now - (self.burst - 1) / self.rate
        wait = 0.0 if wait <= 1e-9 else wait
        if wait > (self.max_wait if self.waits else 0):
            return None
        self.at = a + 1 / self.rate
        return wait


class FixedWindow:
    def __init__(self, limit: int, window: float, waits: bool, max_wait: float) -> None:
        self.limit, self.window, self.waits, self.max_wait = limit, window, waits, max_wait
        self.taken: Counter[int] = Counter()

    def wait(self, now: float) -> float | None:
        first = place = math.floor(now / self.window)
        while self.taken[place] >= self.limit and self.waits:
            place += 1
        wait = place * self.window - now if place > first else 0.0
        if self.taken[place] >= self.limit or wait > self.max_wait:
            return None
        self.taken[place] += 1
        return wait


class SlidingWindow:
    def __init__(self, limit: int, window: float) -> None:
        self.limit, self.window = limit, window
        self.count: Counter[int] = Counter()

    def wait(self, now: float) -> float | None:
        index = math.floor(now / self.window)
        in_view = 1 - (now - index * self.window) / self.window
        if self.count[index - 1] * in_view + self.count[index] >= self.limit:
            return None
        self.count[index] += 1
        return 0.0


GAPS = st.lists(st.sampled_from([0, 0, 0.03125, 0.125, 0.3, 1, 3]), max_size=25 if INTERPRETED else 150)
EXAMPLES = settings(max_examples=15 if INTERPRETED else 200, deadline=None, derandomize=True)


def compare(record: dict, twin: object, gaps: list[float]) -> None:
    bench = Bench(size=1, limiters=of(LIMITER, index=-2, **record))
    now, passed, waited = 0.0, 0, 0.0
    for gap in gaps:
        now += gap
        found, expected = bench.call(pass_all, k=0, now=now), twin.wait(now)  # type: ignore[attr-defined]
        assert found == pytest.approx(-1 if expected is None else expected, abs=1e-9)
        passed += expected is not None
        waited += expected or 0
    assert bench.limiters["passed"][0] == passed
    assert bench.limiters["refused"][0] == len(gaps) - passed
    assert bench.limiters["wait"][0] == pytest.approx(waited)


@EXAMPLES
@given(GAPS, st.sampled_from([0.5, 4, 8]), st.integers(1, 4), st.booleans(), st.sampled_from([math.inf, 0.5, 0]))
def test_a_token_bucket(gaps: list[float], rate: float, burst: int, waits: bool, max_wait: float) -> None:
    record = {"kind": names.BUCKET, "interval": 1 / rate, "tolerance": (burst - 1) / rate, "waits": waits}
    compare({**record, "max_wait": max_wait}, Bucket(rate, burst, waits, max_wait), gaps)


@EXAMPLES
@given(GAPS, st.integers(1, 4), st.sampled_from([0.5, 1, 2]), st.booleans(), st.sampled_from([math.inf, 1, 0]))
def test_a_fixed_window(gaps: list[float], limit: int, window: float, waits: bool, max_wait: float) -> None:
    record = {"kind": names.FIXED_WINDOW, "limit": limit, "window": window, "waits": waits, "max_wait": max_wait}
    compare(record, FixedWindow(limit, window, waits, max_wait), gaps)


@pytest.mark.parametrize("length", [0.1, 0.7, 1.3, 1e-3])
def test_who_comes_as_a_window_begins_is_in_it(length: float) -> None:
    for n in range(1, 2000):
        assert window_at(0.0, length, n * length) == n
        assert window_at(0.0, length, np.nextafter(n * length, 0)) == n - 1


@EXAMPLES
@given(GAPS, st.integers(0, 5), st.sampled_from([0.5, 1, 2]))
def test_a_sliding_window(gaps: list[float], limit: int, window: float) -> None:
    record = {"kind": names.SLIDING_WINDOW, "limit": limit, "window": window, "max_wait": math.inf}
    compare(record, SlidingWindow(limit, window), gaps)


@EXAMPLES
@given(
    st.lists(st.tuples(st.sampled_from([0, 0, 0.125, 0.3, 1]), st.integers(0, 2)), max_size=25 if INTERPRETED else 150)
)
def test_each_key_has_a_limiter_of_its_own(steps: list[tuple[float, int]]) -> None:
    records = [
        ({"kind": names.BUCKET, "interval": 0.25, "tolerance": 0.25}, lambda: Bucket(4, 2, False, 0)),
        ({"kind": names.FIXED_WINDOW, "limit": 2, "window": 0.5}, lambda: FixedWindow(2, 0.5, False, 0)),
        ({"kind": names.SLIDING_WINDOW, "limit": 2, "window": 0.5}, lambda: SlidingWindow(2, 0.5)),
    ]
    for column, (record, make) in enumerate(records):
        rows = np.zeros((3, 4), np.uint64)
        bench = Bench(size=1, limiters=of(LIMITER, column=column, **record), rows=rows, rows_as_float=rows.view(float))
        twins: dict[int, object] = defaultdict(make)
        now = 0.0
        for gap, row in steps:
            now += gap
            found, expected = bench.call(pass_key, k=0, row=row, now=now), twins[row].wait(now)  # type: ignore[attr-defined]
            assert found == (-1 if expected is None else 0)
        assert not rows[:, [c for c in range(4) if c != column]].any()
