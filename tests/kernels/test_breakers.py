"""Breakers against a twin written from docs/model.md, section 4."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest
from alone import INTERPRETED, Bench, of
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkernels import names
from sfkernels.breakers import ask, record
from sfkernels.records import BREAKER

pytestmark = pytest.mark.interpreted

ON = {names.TIMEOUT, names.REJECTED, names.UNAVAILABLE, names.ERROR, names.THROTTLED}


@dataclass
class Twin:
    """Obvious enough to check by eye."""

    calls: int
    window_s: float
    rate: float
    minimum: int
    open_for: float
    probes: int
    slow: float = np.inf
    state: str = "closed"
    epoch: int = 0
    opened_at: float = 0.0
    granted: int = 0
    results: list[bool] = field(default_factory=list)
    recent: list[tuple[int, bool]] = field(default_factory=list)
    openings: int = 0

    def change(self, state: str, now: float) -> None:
        self.state, self.epoch = state, self.epoch + 1
        self.granted, self.results, self.recent = 0, [], []
        if state == "open":
            self.opened_at, self.openings = now, self.openings + 1

    def ask(self, now: float) -> int | None:
        if self.state == "open" and now >= self.opened_at + self.open_for:
            self.change("half open", now)
        if self.state == "open" or (self.state == "half open" and self.granted >= self.probes):
            return None
        self.granted += self.state == "half open"
        return self.epoch

    def record(self, permit: int, outcome: int, took: float, now: float) -> None:
        if permit != self.epoch:
            return
        if outcome in (names.EXPIRED, names.CANCELLED):
            self.granted -= self.state == "half open"
            return
        failed = outcome in ON or (outcome == names.OK and took > self.slow)
        if self.state == "half open":
            self.results.append(failed)
            if len(self.results) == self.probes:
                bad = sum(self.results) >= self.rate * self.probes
                self.change("open" if bad else "closed", now)
            return
        bucket = int(now / (self.window_s / 10)) if self.window_s else 0
        self.recent.append((bucket, failed))
        if self.window_s:
            inside = [f for b, f in self.recent if b > bucket - 10]
        else:
            inside = [f for _, f in deque(self.recent, maxlen=self.calls)]
        if len(inside) >= self.minimum and sum(inside) >= self.rate * len(inside):
            self.change("open", now)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 0.0625, 0.125, 0.25, 1, 5]),
        st.sampled_from([None, *range(9)]),  # ask, or end an attempt with an outcome
        st.integers(0, 5),  # which of those under way
        st.sampled_from([0, 0.5, 2]),  # how long it took
    ),
    max_size=25 if INTERPRETED else 120,
)


@settings(max_examples=15 if INTERPRETED else 300, deadline=None, derandomize=True)
@given(
    STEPS, st.sampled_from([(3, 0), (5, 0), (1, 0), (0, 1.25), (0, 10)]), st.sampled_from([0.3, 0.5, 1]), st.integers(1, 3),
    st.sampled_from([0.5, 2]), st.integers(1, 3), st.sampled_from([np.inf, 0.5]),
)  # fmt: skip
def test_a_breaker_does_as_its_twin(
    steps: list, window: tuple[int, float], rate: float, minimum: int, open_for: float, probes: int, slow: float
) -> None:
    calls, window_s = window
    minimum = min(minimum, calls or minimum)
    bench = Bench(
        size=1, window=np.zeros((1, 1024), np.int64),
        breakers=of(BREAKER, failure_rate=rate, slow=slow, open_for=open_for, window_s=window_s, calls=calls, minimum=minimum,
                    probes=probes, on=sum(1 << o for o in ON), epoch=1),
    )  # fmt: skip
    if window_s:
        bench.window[0, 0:30:3] = -1
    twin = Twin(calls, window_s, rate, minimum, open_for, probes, slow)
    under_way: list[tuple[int, int]] = []
    now = 0.0
    for wait, outcome, which, took in steps:
        now += wait
        if outcome is None:
            permit, expected = int(bench.call(ask, b=0, now=now)), twin.ask(now)
            assert (permit > 0) == (expected is not None)
            if expected is not None:
                under_way.append((permit, expected))
        elif under_way:
            permit, expected = under_way.pop(which % len(under_way))
            bench.call(record, b=0, permit=np.uint32(permit), outcome=outcome, took=float(took), now=now)
            twin.record(expected, outcome, took, now)
        state = ("closed", "open", "half open")[bench.breakers["state"][0]]
        assert (state, bench.breakers["openings"][0]) == (twin.state, twin.openings)
